//! `imgpush image metadef object`.

use imgpush_client::MetadefObject;

use super::columns;
use crate::args::image::{ObjectCommand, ObjectPropertyCommand, ShowOutput};
use crate::commands::failed::{Failed, failed_to};
use crate::commands::image::verbs::Verbs;
use crate::exit_code::{self, Code};

impl Verbs<'_> {
    pub(super) async fn metadef_object(&self, command: &ObjectCommand) -> Result<Code, Failed> {
        match command {
            ObjectCommand::Create { namespace, object, output } => {
                let wanted = MetadefObject::named(object);
                let created = self.client.create_metadef_object(namespace, &wanted).await;
                let doing = format!("create object {object} in namespace {namespace}");
                let created = created.map_err(failed_to(doing))?;
                self.one(output, columns::object(namespace, &created))
            }
            ObjectCommand::Delete { namespace, objects } => {
                self.delete_objects(namespace, objects).await
            }
            ObjectCommand::List { namespace, output } => {
                let objects = self.client.metadef_objects(namespace).await;
                let doing = format!("list objects of namespace {namespace}");
                let objects = objects.map_err(failed_to(doing))?;
                let rows = objects.iter().map(|it| columns::row(&columns::OBJECTS, it.record()));
                self.all(output, &columns::OBJECTS, rows)
            }
            ObjectCommand::Property(ObjectPropertyCommand::Show {
                namespace,
                object,
                property,
                output,
            }) => self.show_object_property(namespace, object, property, output).await,
            ObjectCommand::Show { namespace, object, output } => {
                let shown = self.object(namespace, object).await?;
                self.one(output, columns::object(namespace, &shown))
            }
            ObjectCommand::Update { namespace, object, name } => {
                self.update_object(namespace, object, name.as_deref()).await
            }
        }
    }

    async fn object(&self, namespace: &str, name: &str) -> Result<MetadefObject, Failed> {
        let found = self.client.metadef_object(namespace, name).await;
        found.map_err(failed_to(format!("get object {name} of namespace {namespace}")))
    }

    async fn delete_objects(&self, namespace: &str, objects: &[String]) -> Result<Code, Failed> {
        if objects.is_empty() {
            let deleted = self.client.delete_all_metadef_objects(namespace).await;
            let doing = format!("delete the objects of namespace {namespace}");
            deleted.map_err(failed_to(doing))?;
            return Ok(exit_code::DONE);
        }
        let delete = async |name: &str| {
            let deleted = self.client.delete_metadef_object(namespace, name).await;
            deleted.map_err(failed_to(format!("delete object {name} of namespace {namespace}")))
        };
        Ok(self.for_each(objects, "objects could not be deleted", delete).await)
    }

    async fn show_object_property(
        &self,
        namespace: &str,
        object: &str,
        name: &str,
        output: &ShowOutput,
    ) -> Result<Code, Failed> {
        match self.object(namespace, object).await?.property(name) {
            Some(property) => self.one(output, columns::property(&property)),
            None => {
                let message = format!("object {object} has no property {name}");
                let hint =
                    format!("`imgpush image metadef object show {namespace} {object}` lists them");
                Err(Failed::Refused { message, hint: Some(hint) })
            }
        }
    }

    /// Sends the complete object: openstackclient sends only the name, and Glance deletes the properties.
    async fn update_object(
        &self,
        namespace: &str,
        name: &str,
        new_name: Option<&str>,
    ) -> Result<Code, Failed> {
        let mut object = self.object(namespace, name).await?;
        if let Some(new_name) = new_name {
            object.set_name(new_name);
            let updated = self.client.update_metadef_object(namespace, name, &object).await;
            let doing = format!("change object {name} of namespace {namespace}");
            updated.map_err(failed_to(doing))?;
        }
        Ok(exit_code::DONE)
    }
}
