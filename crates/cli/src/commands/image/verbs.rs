//! What the subcommands of `imgpush image` share: the connection, the search for an image, and the output.

use imgpush_client::{Image, ImageClient};
use imgpush_engine::CancellationToken;
use serde_json::Value;

use crate::args::CloudArgs;
use crate::args::image::{ListOutput, ShowOutput};
use crate::commands::connect::connect;
use crate::commands::failed::{Failed, failed_to};
use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::render;

/// The subcommands; each file of this folder implements some of them.
pub(super) struct Verbs<'a> {
    pub(super) client: ImageClient,
    pub(super) printer: &'a Printer,
}

/// An image, and the connection to the cloud that has it.
pub(super) struct FoundImage {
    pub(super) cloud: String,
    pub(super) client: ImageClient,
    pub(super) image: Image,
}

/// Logs in and finds an image.
///
/// # Errors
///
/// The exit code; the error has been printed.
pub(super) async fn find(
    cloud: &CloudArgs,
    name_or_id: &str,
    printer: &Printer,
    cancel: &CancellationToken,
) -> Result<FoundImage, Code> {
    let finding = async {
        let (cloud, client) = connect(cloud).await?;
        let verbs = Verbs { client, printer };
        let image = verbs.existing(name_or_id).await?;
        Ok::<_, Failed>(FoundImage { cloud, client: verbs.client, image })
    };
    tokio::select! {
        found = finding => found.map_err(|failed| failed.report(printer)),
        () = cancel.cancelled() => {
            printer.error(&["interrupted".to_owned()], &[]);
            Err(exit_code::INTERRUPTED)
        }
    }
}

impl Verbs<'_> {
    /// Applies a change to each name. A failure does not stop the others; the exit code is that of the first.
    /// Of several names, the number that failed is printed before `failure`.
    pub(super) async fn for_each(
        &self,
        names: &[String],
        failure: &str,
        change: impl AsyncFn(&str) -> Result<(), Failed>,
    ) -> Code {
        let mut code = exit_code::DONE;
        let mut failures = 0;
        for name in names {
            if let Err(failed) = change(name).await {
                failures += 1;
                code = code.or(failed.report(self.printer));
            }
        }
        let total = names.len();
        if failures > 0 && total > 1 {
            self.printer.note(&format!("{failures} of {total} {failure}"));
        }
        code
    }

    /// The one image of that name or id.
    pub(super) async fn existing(&self, name_or_id: &str) -> Result<Image, Failed> {
        let found = self.client.find_existing(name_or_id).await;
        found.map_err(failed_to(format!("find {name_or_id}")))
    }

    /// The id of the project of that name or id.
    pub(super) async fn project(
        &self,
        name_or_id: &str,
        domain: Option<&str>,
    ) -> Result<String, Failed> {
        let found = self.client.find_project(name_or_id, domain).await;
        found.map_err(failed_to(format!("find project {name_or_id}")))
    }

    /// Prints one record.
    pub(super) fn one(
        &self,
        output: &ShowOutput,
        fields: Vec<(String, Value)>,
    ) -> Result<Code, Failed> {
        render::one(&output.options(), fields, self.printer)?;
        Ok(exit_code::DONE)
    }

    /// Prints a complete list.
    pub(super) fn all(
        &self,
        output: &ListOutput,
        columns: &[&str],
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Result<Code, Failed> {
        let options = output.options();
        let mut list = render::List::new(&options, columns, self.printer)?;
        for row in rows {
            if list.row(row).is_err() {
                return Ok(exit_code::DONE);
            }
        }
        list.end();
        Ok(exit_code::DONE)
    }
}
