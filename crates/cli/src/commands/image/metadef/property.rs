//! `imgpush image metadef property`.

use imgpush_client::MetadefProperty;

use super::columns;
use crate::args::image::{PropertyCommand, PropertyCreateArgs, PropertySetArgs};
use crate::commands::failed::{Failed, failed_to};
use crate::commands::image::verbs::Verbs;
use crate::exit_code::{self, Code};

impl Verbs<'_> {
    pub(super) async fn metadef_property(&self, command: &PropertyCommand) -> Result<Code, Failed> {
        match command {
            PropertyCommand::Create(args) => self.create_property(args).await,
            PropertyCommand::Delete { namespace, properties } => {
                self.delete_properties(namespace, properties).await
            }
            PropertyCommand::List { namespace, output } => {
                let properties = self.client.metadef_properties(namespace).await;
                let doing = format!("list properties of namespace {namespace}");
                let properties = properties.map_err(failed_to(doing))?;
                let rows =
                    properties.iter().map(|it| columns::row(&columns::PROPERTIES, it.record()));
                self.all(output, &columns::PROPERTIES, rows)
            }
            PropertyCommand::Set(args) => self.set_property(args).await,
            PropertyCommand::Show { namespace, property, output } => {
                let shown = self.property(namespace, property).await?;
                self.one(output, columns::property(&shown))
            }
        }
    }

    async fn property(&self, namespace: &str, name: &str) -> Result<MetadefProperty, Failed> {
        let found = self.client.metadef_property(namespace, name).await;
        found.map_err(failed_to(format!("get property {name} of namespace {namespace}")))
    }

    async fn create_property(&self, args: &PropertyCreateArgs) -> Result<Code, Failed> {
        let PropertyCreateArgs { namespace, name, title, kind, schema, output } = args;
        let mut wanted = MetadefProperty::new(name, title, kind);
        for (key, value) in schema {
            wanted.set(key, value.clone());
        }
        let created = self.client.create_metadef_property(namespace, &wanted).await;
        let doing = format!("create property {name} in namespace {namespace}");
        let created = created.map_err(failed_to(doing))?;
        self.one(output, columns::property(&created))
    }

    async fn delete_properties(&self, namespace: &str, names: &[String]) -> Result<Code, Failed> {
        if names.is_empty() {
            let deleted = self.client.delete_all_metadef_properties(namespace).await;
            let doing = format!("delete the properties of namespace {namespace}");
            deleted.map_err(failed_to(doing))?;
            return Ok(exit_code::DONE);
        }
        let delete = async |name: &str| {
            let deleted = self.client.delete_metadef_property(namespace, name).await;
            deleted.map_err(failed_to(format!("delete property {name} of namespace {namespace}")))
        };
        Ok(self.for_each(names, "properties could not be deleted", delete).await)
    }

    /// Sends the complete property with the changes: openstackclient loses attributes such as `minLength`.
    async fn set_property(&self, args: &PropertySetArgs) -> Result<Code, Failed> {
        let PropertySetArgs { namespace, property: name, .. } = args;
        let mut property = self.property(namespace, name).await?;
        if let Some(name) = &args.name {
            property.set_name(name);
        }
        if let Some(title) = &args.title {
            property.set_title(title);
        }
        if let Some(kind) = &args.kind {
            property.set_kind(kind);
        }
        for (key, value) in args.schema.iter().flatten() {
            property.set(key, value.clone());
        }
        let updated = self.client.update_metadef_property(namespace, name, &property).await;
        let doing = format!("change property {name} of namespace {namespace}");
        updated.map_err(failed_to(doing))?;
        Ok(exit_code::DONE)
    }
}
