//! `imgpush image metadef resource type`.

use imgpush_client::MetadefResourceTypeAssociation;
use serde_json::json;

use super::columns;
use crate::args::image::{
    AssociationCommand, AssociationCreateArgs, AssociationDeleteArgs, ResourceTypeCommand,
};
use crate::commands::failed::{Failed, failed_to};
use crate::commands::image::verbs::Verbs;
use crate::exit_code::Code;

impl Verbs<'_> {
    pub(super) async fn metadef_resource_type(
        &self,
        command: &ResourceTypeCommand,
    ) -> Result<Code, Failed> {
        match command {
            ResourceTypeCommand::List(output) => {
                let types = self.client.metadef_resource_types().await;
                let types = types.map_err(failed_to("list the types of resources"))?;
                let rows = types.iter().map(|it| vec![json!(it.name())]);
                self.all(output, &columns::TYPES, rows)
            }
            ResourceTypeCommand::Association(command) => match command {
                AssociationCommand::Create(args) => self.create_association(args).await,
                AssociationCommand::Delete(args) => self.delete_associations(args).await,
                AssociationCommand::List { namespace, output } => {
                    let found = self.client.metadef_resource_type_associations(namespace).await;
                    let doing = format!("list the types of resources of namespace {namespace}");
                    let found = found.map_err(failed_to(doing))?;
                    let rows = found.iter().map(|it| vec![json!(it.name())]);
                    self.all(output, &columns::TYPES, rows)
                }
            },
        }
    }

    async fn create_association(&self, args: &AssociationCreateArgs) -> Result<Code, Failed> {
        let AssociationCreateArgs { namespace, name, properties_target, output } = args;
        let mut wanted = MetadefResourceTypeAssociation::named(name);
        if let Some(target) = properties_target {
            wanted.set_properties_target(target);
        }
        let created =
            self.client.create_metadef_resource_type_association(namespace, &wanted).await;
        let doing = format!("associate namespace {namespace} with {name}");
        let created = created.map_err(failed_to(doing))?;
        self.one(output, columns::association(&created))
    }

    /// With `--force`, a protected namespace is unprotected meanwhile.
    async fn delete_associations(&self, args: &AssociationDeleteArgs) -> Result<Code, Failed> {
        let AssociationDeleteArgs { namespace: name, names, force } = args;
        let namespace = self.namespace(name).await?;
        let is_unprotected = *force && namespace.is_protected();
        if is_unprotected {
            let mut open = namespace.clone();
            open.set_protected(false);
            let updated = self.client.update_metadef_namespace(name, &open).await;
            updated.map_err(failed_to(format!("unprotect namespace {name}")))?;
        }
        let delete = async |kind: &str| {
            let deleted = self.client.delete_metadef_resource_type_association(name, kind).await;
            deleted.map_err(failed_to(format!(
                "delete the association of namespace {name} with {kind}"
            )))
        };
        let code = self.for_each(names, "associations could not be deleted", delete).await;
        if is_unprotected {
            let updated = self.client.update_metadef_namespace(name, &namespace).await;
            updated.map_err(failed_to(format!("protect namespace {name} again")))?;
        }
        Ok(code)
    }
}
