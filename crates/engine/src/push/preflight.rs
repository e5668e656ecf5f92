//! The preflight checks of a push: what the server would reject, checked before a record is created or data
//! is sent.
//!
//! A server that rejects an upload early resets the connection, and its response is often lost. So token,
//! address, formats and quotas are queried by requests without a body. `push::job` and `push::stage` call
//! these checks.

use imgpush_client::{Error as ClientError, ImageClient, ImageSchema, Store};
use imgpush_formats::ImageFormatSettings;

use super::error::PushFailure;
use super::format_error::FormatError;

/// Combines the known settings of the service with the lists of formats that it publishes.
pub(crate) fn settings(known: &ImageFormatSettings, schema: &ImageSchema) -> ImageFormatSettings {
    let mut settings = known.clone();
    for (list, says) in [
        (&mut settings.disk_formats, &schema.disk_formats),
        (&mut settings.container_formats, &schema.container_formats),
    ] {
        if !says.is_empty() {
            list.clone_from(says);
        }
    }
    settings
}

/// Checks that the service has all these stores, and that none of them is read-only.
pub(crate) fn check_stores(
    client: &ImageClient,
    asked: &[String],
    offers: &[Store],
) -> Result<(), PushFailure> {
    let offers = || offers.iter().filter(|store| !store.is_read_only()).filter_map(Store::id);
    match asked.iter().find(|store| !offers().any(|offer| offer == *store)) {
        None => Ok(()),
        Some(store) => Err(PushFailure::NoSuchStore {
            service: client.base().to_string(),
            store: store.clone(),
            offers: offers().map(str::to_owned).collect(),
        }),
    }
}

/// Checks that the service offers this import method.
pub(crate) fn check_import(
    client: &ImageClient,
    method: &str,
    offers: &[String],
) -> Result<(), PushFailure> {
    if offers.iter().any(|offer| offer == method) {
        return Ok(());
    }
    let (service, method) = (client.base().to_string(), method.to_owned());
    let offers = offers.to_vec();
    Err(PushFailure::ImportNotOffered { service, method, offers })
}

pub(crate) fn failed(source: ClientError) -> PushFailure {
    PushFailure::Client { during: "query the image service", source }
}

/// Checks that the service supports these formats.
pub(crate) fn check_formats(
    service: &str,
    schema: &ImageSchema,
    disk_format: Option<&str>,
    container_format: &str,
) -> Result<(), FormatError> {
    for (attribute, value, takes) in [
        ("disk_format", disk_format, &schema.disk_formats),
        ("container_format", Some(container_format), &schema.container_formats),
    ] {
        if let Some(value) = value
            && !takes.is_empty()
            && !takes.iter().any(|known| known == value)
        {
            return Err(FormatError::NotTaken {
                service: service.to_owned(),
                attribute,
                value: value.to_owned(),
                takes: takes.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_that_is_not_in_the_schema_is_rejected() {
        let mut schema = ImageSchema::default();
        let ask = |schema: &ImageSchema| check_formats("s", schema, Some("ploop"), "bare");
        assert!(ask(&schema).is_ok(), "a schema that says nothing refuses nothing");
        schema.disk_formats = vec!["raw".into(), "qcow2".into()];
        let refused = ask(&schema).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "s does not accept disk_format ploop; it accepts raw, qcow2"
        );
    }
}
