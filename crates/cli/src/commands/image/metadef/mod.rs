//! `imgpush image metadef`.

mod columns;
mod namespace;
mod object;
mod property;
mod resource_type;

use super::verbs::Verbs;
use crate::args::image::{MetadefCommand, ResourceCommand};
use crate::commands::failed::Failed;
use crate::exit_code::{self, Code};

impl Verbs<'_> {
    pub(super) async fn metadef(&self, command: &MetadefCommand) -> Result<Code, Failed> {
        match command {
            MetadefCommand::Namespace(command) => self.metadef_namespace(command).await,
            MetadefCommand::Object(command) => self.metadef_object(command).await,
            MetadefCommand::Property(command) => self.metadef_property(command).await,
            MetadefCommand::Resource(ResourceCommand::Type(command)) => {
                self.metadef_resource_type(command).await
            }
        }
    }

    /// Applies a change to each name. A failure does not stop the others; the exit code is that of the first.
    async fn for_each(
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
}
