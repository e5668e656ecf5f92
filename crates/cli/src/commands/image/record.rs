//! Verbs about the record.

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::TryStreamExt as _;
use imgpush_client::{
    Attribute, Error as ClientError, Image, ImageQuery, InvalidAttribute, MemberStatus, NewImage,
    Place,
};

use super::columns;
use super::verbs::Verbs;
use crate::args::CloudArgs;
use crate::args::image::{CreateArgs, DeleteArgs, FindArgs, SetArgs, ShowArgs, UnsetArgs};
use crate::commands::connect::connect;
use crate::commands::failed::{Failed, failed_to};
use crate::commands::push;
use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::progress;

/// `create --file`: pushes, and shows the image.
pub(super) async fn push(
    cloud: &CloudArgs,
    args: &CreateArgs,
    file: &Path,
    printer: &Printer,
) -> Code {
    let view = progress::view(args.progress, false, printer, &file.to_string_lossy());
    let (source, mut options) = (args.source_options(), args.options());
    if let Some(project) = &args.project {
        let finding = async {
            let (_, client) = connect(cloud).await?;
            Verbs { client, printer }.project(project, args.project_domain.as_deref()).await
        };
        match finding.await {
            Ok(id) => options.owner = Some(id),
            Err(failed) => return failed.report(printer),
        }
    }
    let opening = imgpush_engine::source::open(file, &source);
    let pushed = push::push(cloud, file, opening, options, args.via(), view, printer).await;
    let (client, report) = match pushed {
        Ok(pushed) => pushed,
        Err(error) => return push::failed(&error, file, printer),
    };
    let shown = async {
        let image = client.image(&report.id).await;
        let image = image.map_err(failed_to(format!("show the uploaded image {}", report.id)))?;
        Verbs { client, printer }.one(&args.output, columns::image(&image, false))
    };
    shown.await.unwrap_or_else(|failed| failed.report(printer))
}

impl Verbs<'_> {
    pub(super) async fn show(&self, args: &ShowArgs) -> Result<Code, Failed> {
        let image = self.existing(&args.image).await?;
        self.one(&args.output, columns::image(&image, args.human_readable))
    }

    pub(super) async fn find(&self, args: &FindArgs) -> Result<Code, Failed> {
        if !args.all {
            self.printer.result(self.existing(&args.image).await?.id());
            return Ok(exit_code::DONE);
        }
        let ids = match self.client.find(&args.image).await {
            Ok(Some(image)) if image.id() == args.image => BTreeSet::from([image.id().to_owned()]),
            Ok(_) | Err(ClientError::Duplicate { .. }) => self.named(&args.image).await?,
            Err(error) => return Err(failed_to(format!("find {}", args.image))(error)),
        };
        for id in &ids {
            self.printer.result(id);
        }
        if ids.is_empty() {
            let none = ClientError::NoSuchImage { wanted: args.image.clone() };
            return Err(failed_to(format!("find {}", args.image))(none));
        }
        Ok(exit_code::DONE)
    }

    /// The ids of all images of that name, hidden ones too.
    async fn named(&self, name: &str) -> Result<BTreeSet<String>, Failed> {
        let query = ImageQuery::default().with("name", name);
        let mut ids = BTreeSet::new();
        for query in [query.clone(), query.hidden()] {
            let mut images = self.client.images(&query);
            let finding = || failed_to(format!("find {name}"));
            while let Some(image) = images.try_next().await.map_err(finding())? {
                if image.name() == Some(name) {
                    ids.insert(image.id().to_owned());
                }
            }
        }
        Ok(ids)
    }

    /// A record without data.
    pub(super) async fn create(&self, args: &CreateArgs) -> Result<Code, Failed> {
        let mut image = NewImage::named(&args.name);
        let doing = || format!("create {}", args.name);
        let unfit = |source| Failed::Unfit { doing: doing(), source };
        if let Some(id) = &args.id {
            image.set("id", id.as_str()).map_err(unfit)?;
        }
        image.set_container_format(&args.container_format);
        image.set_disk_format(args.disk_format.as_deref().unwrap_or("raw"));
        if let Some(gib) = args.min_disk {
            image.set_min_disk(gib);
        }
        if let Some(mib) = args.min_ram {
            image.set_min_ram(mib);
        }
        if let Some(protected) = args.protected() {
            image.set_protected(protected);
        }
        if let Some(visibility) = args.visibility.visibility() {
            image.set_visibility(visibility);
        }
        if args.hidden {
            image.set_hidden(true);
        }
        if let Some(project) = &args.project {
            image.set_owner(self.project(project, args.project_domain.as_deref()).await?);
        }
        if !args.tags.is_empty() {
            image.set_tags(&args.tags);
        }
        for (key, value) in &args.properties {
            image.set(key, value.as_str()).map_err(unfit)?;
        }
        let image = self.client.create(&image).await.map_err(failed_to(doing()))?;
        self.one(&args.output, columns::image(&image, false))
    }

    /// First what is not in the record, in openstackclient's order, then the record.
    pub(super) async fn set(&self, args: &SetArgs) -> Result<Code, Failed> {
        let mut image = self.existing(&args.image).await?;
        // Looked at before anything is changed.
        let project = match &args.project {
            Some(project) => Some(self.project(project, args.project_domain.as_deref()).await?),
            None => None,
        };
        change(&mut image, args, project.as_deref())?;
        if let Some(active) = args.active() {
            self.set_active_of(&image, &args.image, active).await?;
        }
        if let Some(status) = args.membership() {
            self.answer(&image, &args.image, project.as_deref(), &status).await?;
        }
        let changed = self.client.commit(&image).await;
        changed.map_err(failed_to(format!("change {}", args.image)))?;
        Ok(exit_code::DONE)
    }

    pub(super) async fn set_active(&self, image: &str, active: bool) -> Result<Code, Failed> {
        self.set_active_of(&self.existing(image).await?, image, active).await?;
        Ok(exit_code::DONE)
    }

    async fn set_active_of(&self, image: &Image, name: &str, active: bool) -> Result<(), Failed> {
        let id = image.id();
        match active {
            true => {
                let done = self.client.reactivate(id).await;
                done.map_err(failed_to(format!("reactivate {name}")))
            }
            false => {
                let done = self.client.deactivate(id).await;
                done.map_err(failed_to(format!("deactivate {name}")))
            }
        }
    }

    /// Answers for a project; for this one when none is named. To a member the service shows only its
    /// own membership, so that there is no need to know one's own id.
    async fn answer(
        &self,
        image: &Image,
        name: &str,
        project: Option<&str>,
        status: &MemberStatus,
    ) -> Result<(), Failed> {
        let doing = || failed_to(format!("set the membership in {name}"));
        let project = match project {
            Some(project) => project.to_owned(),
            None => {
                let members = self.client.members(image.id()).await.map_err(doing())?;
                match &members[..] {
                    [only] => only.member_id().unwrap_or_default().to_owned(),
                    _ => {
                        return Err(Failed::Usage {
                            message: format!(
                                "cannot set the membership in {name}: the image is shared with {} projects, and \
                                 the service does not show which one is yours",
                                members.len()
                            ),
                            hint: Some("name the project with --project PROJECT".to_owned()),
                        });
                    }
                }
            }
        };
        self.client.answer_member(image.id(), &project, status).await.map(drop).map_err(doing())
    }

    pub(super) async fn unset(&self, args: &UnsetArgs) -> Result<Code, Failed> {
        let mut image = self.existing(&args.image).await?;
        for key in &args.properties {
            let is_literal = image.extra_properties().any(|(known, _)| known == key);
            let attribute = Attribute::named(key).filter(|_| !is_literal);
            if attribute.is_some_and(|attribute| attribute.place == Place::Base) {
                let source = InvalidAttribute::Needed(key.clone());
                return Err(Failed::Unfit { doing: format!("remove {key}"), source });
            }
        }
        let mut missing = Vec::new();
        if !args.tags.is_empty() {
            let mut tags: BTreeSet<String> = image.tags().into_iter().map(str::to_owned).collect();
            for tag in &args.tags {
                if !tags.remove(tag) {
                    missing.push(format!("tag {tag}"));
                }
            }
            image.set_tags(tags);
        }
        for key in &args.properties {
            let unfit = |source| Failed::Unfit { doing: format!("remove {key}"), source };
            if !image.unset(key).map_err(unfit)? {
                missing.push(format!("property {key}"));
            }
        }
        let changed = self.client.commit(&image).await;
        changed.map_err(failed_to(format!("change {}", args.image)))?;
        if missing.is_empty() {
            return Ok(exit_code::DONE);
        }
        let message = format!("{} has no {}", args.image, missing.join(" and no "));
        Err(Failed::Refused { message, hint: None })
    }

    pub(super) async fn delete(&self, args: &DeleteArgs) -> Code {
        let delete = async |image: &str| self.delete_one(image, args).await;
        self.for_each(&args.images, "images could not be deleted", delete).await
    }

    async fn delete_one(&self, name_or_id: &str, args: &DeleteArgs) -> Result<(), Failed> {
        let deleting = || failed_to(format!("delete {name_or_id}"));
        let image = match self.client.find(name_or_id).await.map_err(deleting())? {
            Some(image) => image,
            None if args.ignore_missing => return Ok(()),
            None => {
                return Err(deleting()(ClientError::NoSuchImage { wanted: name_or_id.to_owned() }));
            }
        };
        let done = match &args.store {
            Some(store) => self.client.delete_from_store(store, image.id()).await,
            None => self.client.delete(image.id()).await,
        };
        match done {
            // Somebody else was faster.
            Err(ClientError::NotFound(_)) if args.ignore_missing => Ok(()),
            done => done.map_err(deleting()),
        }
    }
}

/// Changes the copy of a record as the flags say.
fn change(image: &mut Image, args: &SetArgs, project: Option<&str>) -> Result<(), Failed> {
    if let Some(name) = &args.name {
        image.set_name(name);
    }
    if let Some(gib) = args.min_disk {
        image.set_min_disk(gib);
    }
    if let Some(mib) = args.min_ram {
        image.set_min_ram(mib);
    }
    if let Some(format) = &args.container_format {
        image.set_container_format(format);
    }
    if let Some(format) = &args.disk_format {
        image.set_disk_format(format);
    }
    if let Some(protected) = args.protected() {
        image.set_protected(protected);
    }
    if let Some(visibility) = args.visibility.visibility() {
        image.set_visibility(visibility);
    }
    if let Some(hidden) = args.hidden() {
        image.set_hidden(hidden);
    }
    // With an answer the project is the one that answers.
    if let (Some(project), None) = (project, args.membership()) {
        image.set_owner(project);
    }
    if !args.tags.is_empty() {
        let mut tags: BTreeSet<String> = image.tags().into_iter().map(str::to_owned).collect();
        tags.extend(args.tags.iter().cloned());
        image.set_tags(tags);
    }
    let given = args.properties.iter().map(|(key, value)| (&**key, &**value));
    for (key, value) in args.named_properties().chain(given) {
        let unfit = |source| Failed::Unfit { doing: format!("set property {key}"), source };
        image.set(key, value).map_err(unfit)?;
    }
    Ok(())
}
