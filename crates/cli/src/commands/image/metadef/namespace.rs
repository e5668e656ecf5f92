//! `imgpush image metadef namespace`.

use futures_util::TryStreamExt as _;
use imgpush_client::{MetadefNamespace, MetadefNamespaceQuery, Visibility};

use super::columns;
use crate::args::image::{
    NamespaceAttributes, NamespaceCommand, NamespaceCreateArgs, NamespaceListArgs,
    NamespaceSetArgs, NamespaceUnsetArgs,
};
use crate::commands::failed::{Failed, failed_to};
use crate::commands::image::verbs::Verbs;
use crate::exit_code::{self, Code};
use crate::render::List;

impl Verbs<'_> {
    pub(super) async fn metadef_namespace(
        &self,
        command: &NamespaceCommand,
    ) -> Result<Code, Failed> {
        match command {
            NamespaceCommand::Create(args) => self.create_namespace(args).await,
            NamespaceCommand::Delete { namespaces } => Ok(self.delete_namespaces(namespaces).await),
            NamespaceCommand::List(args) => self.list_namespaces(args).await,
            NamespaceCommand::Set(args) => self.set_namespace(args).await,
            NamespaceCommand::Show { namespace, output } => {
                let shown = self.namespace(namespace).await?;
                self.one(output, columns::namespace(&shown))
            }
            NamespaceCommand::Unset(args) => self.unset_namespace(args).await,
        }
    }

    /// The namespace of that name.
    pub(super) async fn namespace(&self, name: &str) -> Result<MetadefNamespace, Failed> {
        let found = self.client.metadef_namespace(name).await;
        found.map_err(failed_to(format!("get namespace {name}")))
    }

    async fn create_namespace(&self, args: &NamespaceCreateArgs) -> Result<Code, Failed> {
        let mut wanted = MetadefNamespace::named(&args.namespace);
        change(&mut wanted, &args.attributes);
        let created = self.client.create_metadef_namespace(&wanted).await;
        let created = created.map_err(failed_to(format!("create namespace {}", args.namespace)))?;
        self.one(&args.output, columns::namespace(&created))
    }

    async fn delete_namespaces(&self, names: &[String]) -> Code {
        let delete = async |name: &str| {
            let deleted = self.client.delete_metadef_namespace(name).await;
            deleted.map_err(failed_to(format!("delete namespace {name}")))
        };
        self.for_each(names, "namespaces could not be deleted", delete).await
    }

    async fn list_namespaces(&self, args: &NamespaceListArgs) -> Result<Code, Failed> {
        let mut query = MetadefNamespaceQuery::default();
        if let Some(types) = &args.resource_types {
            query = query.resource_types([types]);
        }
        if let Some(visibility) = &args.visibility {
            query = query.visibility(&Visibility::from(&**visibility));
        }
        let options = args.output.options();
        let mut list = List::new(&options, &columns::NAMESPACES, self.printer)?;
        let mut namespaces = self.client.metadef_namespaces(&query);
        while let Some(namespace) =
            namespaces.try_next().await.map_err(failed_to("list namespaces"))?
        {
            if list.row(columns::row(&columns::NAMESPACES, namespace.record())).is_err() {
                return Ok(exit_code::DONE);
            }
        }
        list.end();
        Ok(exit_code::DONE)
    }

    /// Sends the complete namespace with the changes: openstackclient sends only the changes, and Glance
    /// resets the rest.
    async fn set_namespace(&self, args: &NamespaceSetArgs) -> Result<Code, Failed> {
        let name = &args.namespace;
        let mut namespace = self.namespace(name).await?;
        if !args.attributes.is_empty() {
            change(&mut namespace, &args.attributes);
            let changed = self.client.update_metadef_namespace(name, &namespace).await;
            changed.map_err(failed_to(format!("change namespace {name}")))?;
        }
        let add = async |tag: &str| {
            let added = self.client.add_metadef_tag(name, tag).await;
            added.map_err(failed_to(format!("add tag {tag} to namespace {name}")))
        };
        Ok(self.for_each(&args.tags, "tags could not be added", add).await)
    }

    async fn unset_namespace(&self, args: &NamespaceUnsetArgs) -> Result<Code, Failed> {
        let name = &args.namespace;
        if args.removed.all_tags {
            let removed = self.client.remove_all_metadef_tags(name).await;
            removed.map_err(failed_to(format!("remove the tags of namespace {name}")))?;
            return Ok(exit_code::DONE);
        }
        // An unknown namespace is one error, not one for each tag.
        self.namespace(name).await?;
        let remove = async |tag: &str| {
            let removed = self.client.remove_metadef_tag(name, tag).await;
            removed.map_err(failed_to(format!("remove tag {tag} of namespace {name}")))
        };
        Ok(self.for_each(&args.removed.tags, "tags could not be removed", remove).await)
    }
}

/// Changes the copy of a namespace as the options say.
fn change(namespace: &mut MetadefNamespace, attributes: &NamespaceAttributes) {
    if let Some(name) = &attributes.display_name {
        namespace.set_display_name(name);
    }
    if let Some(description) = &attributes.description {
        namespace.set_description(description);
    }
    if let Some(visibility) = attributes.visibility() {
        namespace.set_visibility(visibility);
    }
    if let Some(protected) = attributes.protected() {
        namespace.set_protected(protected);
    }
}
