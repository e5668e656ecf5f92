//! `imgpush image location`.

use imgpush_client::WaitOptions;
use serde_json::{Value, json};

use super::columns;
use super::verbs::Verbs;
use crate::args::image::{ListOfImage, LocationAddArgs, LocationCommand};
use crate::commands::failed::{Failed, failed_to};
use crate::exit_code::Code;

impl Verbs<'_> {
    pub(super) async fn location(&self, command: &LocationCommand) -> Result<Code, Failed> {
        match command {
            LocationCommand::List(args) => self.locations(args).await,
            LocationCommand::Add(args) => self.add_location(args).await,
        }
    }

    pub(super) async fn locations(&self, args: &ListOfImage) -> Result<Code, Failed> {
        let image = self.existing(&args.image).await?;
        let locations = self.client.locations(image.id()).await;
        let locations =
            locations.map_err(failed_to(format!("list locations of {}", args.image)))?;
        let rows = locations.into_iter().map(|location| {
            let metadata = location.metadata.map_or_else(|| json!({}), Value::Object);
            vec![Value::from(location.url), metadata]
        });
        self.all(&args.output, &columns::LOCATIONS, rows)
    }

    async fn add_location(&self, args: &LocationAddArgs) -> Result<Code, Failed> {
        let image = self.existing(&args.image).await?;
        let adding = || failed_to(format!("add a location to {}", args.image));
        let location = args.location();
        let image = if args.wait {
            let mut options = WaitOptions::default();
            options.timeout = args.timeout;
            let done = self.client.add_location_and_wait(&image, &location, &options).await;
            done.map_err(adding())?
        } else {
            self.client.add_location(image.id(), &location).await.map_err(adding())?;
            self.client.image(image.id()).await.map_err(adding())?
        };
        self.one(&args.output, columns::image(&image, false))
    }
}
