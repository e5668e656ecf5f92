//! `imgpush image metadef namespace`.

use clap::{Args, Subcommand};
use imgpush_client::Visibility;

use super::values::new_name;
use crate::args::heading;
use crate::args::image::{ListOutput, ShowOutput};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  imgpush image metadef namespace create Example::Builds --public
  imgpush image metadef namespace set Example::Builds --tag ci
  imgpush image metadef namespace delete Example::Builds")]
pub(crate) enum NamespaceCommand {
    /// Create a namespace (usually administrators)
    Create(NamespaceCreateArgs),
    /// Delete namespaces with their definitions (usually administrators)
    Delete {
        /// Namespaces
        #[arg(value_name = "NAMESPACE", required = true)]
        namespaces: Vec<String>,
    },
    /// List namespaces
    List(NamespaceListArgs),
    /// Change a namespace (usually administrators)
    ///
    /// Attributes without an option are not changed. Tags are added one by one, after the other changes.
    Set(NamespaceSetArgs),
    /// Show a namespace
    Show {
        /// Namespace
        namespace: String,

        #[command(flatten)]
        output: ShowOutput,
    },
    /// Remove tags from a namespace (usually administrators)
    Unset(NamespaceUnsetArgs),
}

/// The attributes of a namespace.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::METADEF)]
pub(crate) struct NamespaceAttributes {
    /// Name of the namespace that users see
    #[arg(long, value_name = "NAME")]
    pub(crate) display_name: Option<String>,

    /// Description of the namespace
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,

    #[command(flatten)]
    visibility: NamespaceVisibility,

    #[command(flatten)]
    protection: NamespaceProtection,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = heading::METADEF)]
struct NamespaceVisibility {
    /// Make the namespace visible to all projects
    #[arg(long)]
    public: bool,

    /// Make the namespace visible only to its project
    #[arg(long)]
    private: bool,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = heading::METADEF)]
struct NamespaceProtection {
    /// Protect the namespace and its definitions from deletion
    #[arg(long)]
    protected: bool,

    /// Allow deletion of the namespace and its definitions
    #[arg(long)]
    unprotected: bool,
}

impl NamespaceAttributes {
    pub(crate) fn visibility(&self) -> Option<Visibility> {
        let flags = [
            (self.visibility.public, Visibility::Public),
            (self.visibility.private, Visibility::Private),
        ];
        flags.into_iter().find_map(|(set, who)| set.then_some(who))
    }

    pub(crate) fn protected(&self) -> Option<bool> {
        let NamespaceProtection { protected, unprotected } = self.protection;
        (protected || unprotected).then_some(protected)
    }

    /// Whether no option is given.
    pub(crate) fn is_empty(&self) -> bool {
        let texts = [&self.display_name, &self.description];
        texts.iter().all(|text| text.is_none())
            && self.visibility().is_none()
            && self.protected().is_none()
    }
}

#[derive(Debug, Args)]
pub(crate) struct NamespaceCreateArgs {
    /// Name of the new namespace
    #[arg(value_parser = new_name)]
    pub(crate) namespace: String,

    #[command(flatten)]
    pub(crate) attributes: NamespaceAttributes,

    #[command(flatten)]
    pub(crate) output: ShowOutput,
}

#[derive(Debug, Args)]
#[command(next_help_heading = heading::FILTER)]
pub(crate) struct NamespaceListArgs {
    /// Only namespaces for one of these types of resources, separated by commas
    #[arg(long, value_name = "TYPES")]
    pub(crate) resource_types: Option<String>,

    /// Only namespaces with this visibility: public or private
    #[arg(long, value_name = "VISIBILITY")]
    pub(crate) visibility: Option<String>,

    #[command(flatten)]
    pub(crate) output: ListOutput,
}

#[derive(Debug, Args)]
pub(crate) struct NamespaceSetArgs {
    /// Namespace
    pub(crate) namespace: String,

    #[command(flatten)]
    pub(crate) attributes: NamespaceAttributes,

    /// Tag to add (repeatable)
    #[arg(long = "tag", value_name = "TAG", value_parser = new_name,
        help_heading = heading::METADEF)]
    pub(crate) tags: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct NamespaceUnsetArgs {
    /// Namespace
    pub(crate) namespace: String,

    #[command(flatten)]
    pub(crate) removed: RemovedTags,
}

/// `--tag` or `--all-tags`.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
#[command(next_help_heading = heading::METADEF)]
pub(crate) struct RemovedTags {
    /// Tag to remove (repeatable)
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// Remove all tags
    #[arg(long)]
    pub(crate) all_tags: bool,
}
