//! `imgpush image import`.

use imgpush_client::{Error as ClientError, Image, Import, ImportMethod, Status, WaitOptions};
use serde_json::json;

use super::columns;
use super::verbs::Verbs;
use crate::args::image::{ImportArgs, ImportMethodName, ShowOutput};
use crate::commands::failed::{Failed, failed_to};
use crate::exit_code::Code;

impl Verbs<'_> {
    pub(super) async fn import_info(&self, output: &ShowOutput) -> Result<Code, Failed> {
        let methods = self.client.import_info().await;
        let methods = methods.map_err(failed_to("get the import methods"))?;
        self.one(output, vec![("import-methods".to_owned(), json!(methods))])
    }

    pub(super) async fn import(&self, args: &ImportArgs) -> Result<Code, Failed> {
        let import = import(args)?;
        let methods = match self.client.import_info().await {
            Ok(methods) => methods,
            Err(ClientError::NotFound(_)) => {
                let message = "this service does not support imports".to_owned();
                return Err(Failed::Refused { message, hint: None });
            }
            Err(error) => return Err(failed_to("get the import methods")(error)),
        };
        let method = args.method.as_str();
        if !methods.iter().any(|known| known == method) {
            return Err(Failed::Refused {
                message: format!("this service does not support the import method {method}"),
                hint: Some(format!("it supports {}", methods.join(", "))),
            });
        }
        let image = self.existing(args.image()).await?;
        fits(&image, args)?;
        let importing = || failed_to(format!("import {}", args.image()));
        let image = if args.wait {
            let mut options = WaitOptions::default().with_may_lose_stores(args.may_lose_stores());
            options.timeout = args.timeout;
            let done = self.client.import_and_wait(&image, &import, &options).await;
            done.map_err(importing())?
        } else {
            self.client.import(image.id(), &import).await.map_err(importing())?;
            // The import is on its way; what it has not done yet is not there.
            self.client.image(image.id()).await.map_err(importing())?
        };
        self.one(&args.output, columns::image(&image, false))
    }
}

fn usage(message: &str) -> Failed {
    Failed::Usage { message: message.to_owned(), hint: None }
}

/// The import that the flags mean, with openstackclient's checks.
fn import(args: &ImportArgs) -> Result<Import, Failed> {
    for (method, option, is_given) in [
        (ImportMethodName::WebDownload, "--uri", args.uri.is_some()),
        (ImportMethodName::GlanceDownload, "--remote-region", args.remote_region.is_some()),
        (ImportMethodName::GlanceDownload, "--remote-image", args.remote_image.is_some()),
        (
            ImportMethodName::GlanceDownload,
            "--remote-service-interface",
            args.remote_service_interface.is_some(),
        ),
    ] {
        if is_given && args.method != method {
            return Err(usage(&format!("{option} needs --method {}", method.as_str())));
        }
    }
    let method = match args.method {
        ImportMethodName::GlanceDirect => ImportMethod::GlanceDirect,
        ImportMethodName::WebDownload => {
            let uri = args.uri.clone().ok_or_else(|| usage("--method web-download needs --uri"))?;
            let (scheme, rest) = uri.split_once("://").unwrap_or_default();
            if scheme.is_empty() || rest.trim_start_matches('/').is_empty() {
                // The address may have a password in it.
                return Err(usage("--uri needs a URL with a scheme and a host"));
            }
            ImportMethod::WebDownload { uri }
        }
        ImportMethodName::GlanceDownload => match (&args.remote_region, &args.remote_image) {
            (Some(region), Some(image)) => ImportMethod::GlanceDownload {
                region: region.clone(),
                image_id: image.clone(),
                interface: args.remote_service_interface.clone(),
            },
            _ => {
                let words = "--method glance-download needs --remote-region and --remote-image";
                return Err(usage(words));
            }
        },
        ImportMethodName::CopyImage if args.stores.is_empty() && !args.all_stores => {
            return Err(usage("--method copy-image needs --store or --all-stores"));
        }
        ImportMethodName::CopyImage => ImportMethod::CopyImage,
    };
    let mut import = Import::by(method);
    if !args.stores.is_empty() {
        import = import.into_stores(&args.stores);
    }
    if args.all_stores {
        import = import.into_all_stores();
    }
    // With one store there is nothing to go on with, and the service's own default undoes more.
    let has_stores = !args.stores.is_empty() || args.all_stores;
    if args.disallow_failure || args.may_lose_stores() || has_stores {
        import = import.all_stores_must_succeed(args.disallow_failure);
    }
    Ok(import)
}

/// Whether the image is as the method needs it.
fn fits(image: &Image, args: &ImportArgs) -> Result<(), Failed> {
    let refused =
        |message: String, hint: String| Err(Failed::Refused { message, hint: Some(hint) });
    let (method, name) = (args.method.as_str(), args.image());
    if image.container_format().is_none() && image.disk_format().is_none() {
        return refused(
            format!("{name} has no disk_format and no container_format"),
            format!(
                "set them with `imgpush image set --disk-format FORMAT --container-format bare {name}`"
            ),
        );
    }
    let (needed, hint) = match args.method {
        ImportMethodName::GlanceDirect => (
            Status::Uploading,
            format!("upload data with `imgpush image stage {name} --file FILE`"),
        ),
        ImportMethodName::WebDownload => {
            (Status::Queued, "create another image record with `imgpush image create`".to_owned())
        }
        ImportMethodName::CopyImage => {
            (Status::Active, "copy-image copies existing data only".to_owned())
        }
        ImportMethodName::GlanceDownload => return Ok(()),
    };
    if image.status() == needed {
        return Ok(());
    }
    refused(
        format!(
            "{method} needs an image with the status {needed}, but {name} is {}",
            image.status()
        ),
        hint,
    )
}
