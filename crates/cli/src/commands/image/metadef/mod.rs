//! `imgpush image metadef`.

mod columns;
mod namespace;
mod object;
mod property;
mod resource_type;

use super::verbs::Verbs;
use crate::args::image::{MetadefCommand, ResourceCommand};
use crate::commands::failed::Failed;
use crate::exit_code::Code;

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
}
