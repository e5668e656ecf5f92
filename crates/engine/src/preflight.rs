//! What the server would refuse, asked before a record is made or a byte is sent.
//!
//! A server that refuses early resets the connection, and its answer is often lost. So the token, the
//! address, the formats and the quotas are asked for by calls that have no body.

use imgpush_client::{Error as ClientError, ImageClient, ImageSchema, Store, Usage};
use imgpush_formats::ImageFormatSettings;

use crate::error::Failure;

/// What is known of the service's settings, completed by its own lists.
pub(crate) fn settings(known: &ImageFormatSettings, schema: ImageSchema) -> ImageFormatSettings {
    let mut settings = known.clone();
    for (list, says) in [
        (&mut settings.disk_formats, schema.disk_formats),
        (&mut settings.container_formats, schema.container_formats),
    ] {
        if !says.is_empty() {
            *list = says;
        }
    }
    settings
}

/// What is used of the quotas, where the service tells.
pub(crate) async fn usage(client: &ImageClient) -> Result<Option<Usage>, ClientError> {
    match client.usage().await {
        Ok(usage) => Ok(Some(usage)),
        // Before API 2.13 there is no such call, and a policy may close it.
        Err(ClientError::NotFound(_) | ClientError::Forbidden(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the service has all these stores, and writes to them. One that has only one store has no names for it.
pub(crate) fn stores(
    client: &ImageClient,
    asked: &[String],
    offers: Result<Vec<Store>, ClientError>,
) -> Result<(), Failure> {
    let mut offers = match offers {
        Ok(offers) => offers,
        Err(ClientError::NotFound(_)) => Vec::new(),
        Err(error) => return Err(failed(error)),
    };
    offers.retain(|store| !store.is_read_only());
    let is_known = |store: &&String| offers.iter().any(|offer| offer.id() == Some(store));
    match asked.iter().find(|store| !is_known(store)) {
        None => Ok(()),
        Some(store) => Err(Failure::NoSuchStore {
            service: client.base().to_string(),
            store: store.clone(),
            offers: offers.iter().filter_map(Store::id).map(str::to_owned).collect(),
        }),
    }
}

/// Whether the service imports by that method.
pub(crate) fn import(
    client: &ImageClient,
    method: &str,
    offers: Vec<String>,
) -> Result<(), Failure> {
    if offers.iter().any(|offer| offer == method) {
        return Ok(());
    }
    let (service, method) = (client.base().to_string(), method.to_owned());
    Err(Failure::ImportNotOffered { service, method, offers })
}

pub(crate) fn failed(source: ClientError) -> Failure {
    Failure::Client { during: "asking the image service", source }
}

/// Whether the service has these formats.
pub(crate) fn taken(
    service: &str,
    schema: &ImageSchema,
    disk_format: Option<&str>,
    container_format: &str,
) -> Result<(), Failure> {
    for (attribute, value, takes) in [
        ("disk_format", disk_format, &schema.disk_formats),
        ("container_format", Some(container_format), &schema.container_formats),
    ] {
        if let Some(value) = value
            && !takes.is_empty()
            && !takes.iter().any(|known| known == value)
        {
            return Err(Failure::FormatNotTaken {
                service: service.to_owned(),
                attribute,
                value: value.to_owned(),
                takes: takes.clone(),
            });
        }
    }
    Ok(())
}

/// Whether there is room for an image of so many bytes, where that is known.
///
/// As Glance counts: whole MiB, rounded down; a size that is not known counts nothing.
pub(crate) fn quotas(usage: &Usage, size: Option<u64>) -> Result<(), Failure> {
    let mib = size.map_or(0, |bytes| i64::try_from(bytes >> 20).unwrap_or(i64::MAX));
    for (name, unit, needed) in [
        ("image_size_total", "MiB", mib),
        ("image_count_total", "images", 1),
        ("image_count_uploading", "images", 1),
    ] {
        if let Some(quota) = usage.quota(name)
            && quota.usage.saturating_add(needed) > quota.limit
        {
            return Err(Failure::Quota {
                name,
                unit,
                limit: quota.limit,
                used: quota.usage,
                needed,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(limit: i64, used: i64) -> Usage {
        let json = format!(
            r#"{{"usage": {{"image_size_total": {{"limit": {limit}, "usage": {used}}}}}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn the_size_quota_counts_whole_mib() {
        let mib = 1 << 20;
        assert!(quotas(&usage(2, 0), Some(3 * mib - 1)).is_ok());
        let refused = quotas(&usage(2, 0), Some(3 * mib)).unwrap_err();
        assert!(matches!(
            refused,
            Failure::Quota { name: "image_size_total", limit: 2, used: 0, needed: 3, .. }
        ));
        assert!(quotas(&usage(2, 1), Some(2 * mib)).is_err());
        assert!(quotas(&usage(-1, 100), Some(900 * mib)).is_ok());
        assert!(quotas(&usage(2, 2), None).is_ok());
    }

    #[test]
    fn a_format_that_the_schema_does_not_name_is_refused() {
        let mut schema = ImageSchema::default();
        let ask = |schema: &ImageSchema| taken("s", schema, Some("ploop"), "bare");
        assert!(ask(&schema).is_ok(), "a schema that says nothing refuses nothing");
        schema.disk_formats = vec!["raw".into(), "qcow2".into()];
        let refused = ask(&schema).unwrap_err();
        assert_eq!(refused.to_string(), "s has no disk_format ploop; it takes raw, qcow2");
    }
}
