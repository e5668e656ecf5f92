//! What hangs on images: members, tags, tasks, stores, quotas, the cache.

use futures_util::TryStreamExt as _;
use imgpush_client::{ClearTarget, MemberStatus};
use serde_json::json;

use super::columns;
use super::verbs::Verbs;
use crate::args::image::{
    CacheCommand, ListOfImage, ListOutput, MemberCommand, Share, ShareArgs, StoresArgs, TagCommand,
    TaskCommand, TaskListArgs,
};
use crate::commands::failed::{Failed, failed_to};
use crate::exit_code::{self, Code};
use crate::render::List;

impl Verbs<'_> {
    pub(super) async fn members(&self, args: &ListOfImage) -> Result<Code, Failed> {
        let image = self.existing(&args.image).await?;
        let members = self.client.members(image.id()).await;
        let members = members.map_err(failed_to(format!("list members of {}", args.image)))?;
        let rows =
            members.iter().map(|member| columns::row(columns::MEMBERS, &columns::record(member)));
        self.all(&args.output, &columns::titles(columns::MEMBERS), rows)
    }

    pub(super) async fn member(&self, command: &MemberCommand) -> Result<Code, Failed> {
        let (args, status) = match command {
            MemberCommand::List(args) => return self.members(args).await,
            MemberCommand::Add(args) => return self.add_member(args).await,
            MemberCommand::Remove(share) => return self.remove_member(share).await,
            MemberCommand::Show(args) => return self.show_member(args).await,
            MemberCommand::Accept(args) => (args, MemberStatus::Accepted),
            MemberCommand::Reject(args) => (args, MemberStatus::Rejected),
            MemberCommand::Pending(args) => (args, MemberStatus::Pending),
        };
        let (id, project_id) = self.of_share(&args.share).await?;
        let Share { image, project, .. } = &args.share;
        let member = self.client.answer_member(&id, &project_id, &status).await;
        let member =
            member.map_err(failed_to(format!("set the membership of {project} in {image}")))?;
        self.one(&args.output, columns::member(&member))
    }

    /// The ids of an image and a project.
    async fn of_share(&self, share: &Share) -> Result<(String, String), Failed> {
        let id = self.existing(&share.image).await?.id().to_owned();
        let project = self.project(&share.project, share.project_domain.as_deref()).await?;
        Ok((id, project))
    }

    pub(super) async fn add_member(&self, args: &ShareArgs) -> Result<Code, Failed> {
        let (id, project_id) = self.of_share(&args.share).await?;
        let Share { image, project, .. } = &args.share;
        let member = self.client.add_member(&id, &project_id).await;
        let member = member.map_err(failed_to(format!("share {image} with {project}")))?;
        self.one(&args.output, columns::member(&member))
    }

    pub(super) async fn remove_member(&self, share: &Share) -> Result<Code, Failed> {
        let (id, project_id) = self.of_share(share).await?;
        let Share { image, project, .. } = share;
        let removed = self.client.remove_member(&id, &project_id).await;
        removed.map_err(failed_to(format!("stop sharing {image} with {project}")))?;
        Ok(exit_code::DONE)
    }

    async fn show_member(&self, args: &ShareArgs) -> Result<Code, Failed> {
        let (id, project_id) = self.of_share(&args.share).await?;
        let Share { image, project, .. } = &args.share;
        let member = self.client.member(&id, &project_id).await;
        let member = member.map_err(failed_to(format!("show member {project} of {image}")))?;
        self.one(&args.output, columns::member(&member))
    }

    pub(super) async fn tag(&self, command: &TagCommand) -> Result<Code, Failed> {
        let (TagCommand::Add(args) | TagCommand::Remove(args)) = command;
        let image = self.existing(&args.image).await?;
        for tag in &args.tags {
            let doing = |verb| failed_to(format!("{verb} tag {tag} of {}", args.image));
            match command {
                TagCommand::Add(_) => {
                    self.client.add_tag(image.id(), tag).await.map_err(doing("add"))?;
                }
                TagCommand::Remove(_) => {
                    let was = self.client.remove_tag(image.id(), tag).await;
                    if !was.map_err(doing("remove"))? {
                        let message = format!("{} has no tag {tag}", args.image);
                        return Err(Failed::Refused { message, hint: None });
                    }
                }
            }
        }
        Ok(exit_code::DONE)
    }

    pub(super) async fn tasks(&self, args: &ListOfImage) -> Result<Code, Failed> {
        let image = self.existing(&args.image).await?;
        let tasks = self.client.image_tasks(image.id()).await;
        let mut tasks = tasks.map_err(failed_to(format!("list tasks of {}", args.image)))?;
        tasks.sort_by(|a, b| a.created_at().cmp(&b.created_at()));
        let rows =
            tasks.iter().map(|task| columns::row(columns::IMAGE_TASKS, &columns::record(task)));
        self.all(&args.output, &columns::titles(columns::IMAGE_TASKS), rows)
    }

    pub(super) async fn task(&self, command: &TaskCommand) -> Result<Code, Failed> {
        match command {
            TaskCommand::List(args) => self.task_list(args).await,
            TaskCommand::Show { task, output } => {
                let shown = self.client.task(task).await;
                let shown = shown.map_err(failed_to(format!("show task {task}")))?;
                self.one(output, columns::task(&shown))
            }
        }
    }

    async fn task_list(&self, args: &TaskListArgs) -> Result<Code, Failed> {
        let titles = columns::titles(columns::TASKS);
        let options = args.output.options();
        let mut list = List::new(&options, &titles, self.printer)?;
        let filters: Vec<(&str, &str)> = [
            ("type", &args.kind),
            ("status", &args.status),
            ("sort_key", &args.sort_key),
            ("sort_dir", &args.sort_dir),
            ("marker", &args.marker),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_deref()?)))
        .collect();
        let mut tasks = self.client.tasks(&filters);
        let mut left = args.limit.unwrap_or(usize::MAX);
        while left > 0
            && let Some(task) = tasks.try_next().await.map_err(failed_to("list tasks"))?
        {
            left -= 1;
            if list.row(columns::row(columns::TASKS, &columns::record(&task))).is_err() {
                return Ok(exit_code::DONE);
            }
        }
        list.end();
        Ok(exit_code::DONE)
    }

    pub(super) async fn stores(&self, args: &StoresArgs) -> Result<Code, Failed> {
        let args = args.list();
        let stores = match args.detail {
            true => self.client.stores_detail().await,
            false => self.client.stores().await,
        };
        let stores = stores.map_err(failed_to("list the stores"))?;
        let titles: &[&str] = if args.detail { &columns::STORES_DETAIL } else { &columns::STORES };
        let rows = stores.iter().map(|store| columns::store(store, args.detail));
        self.all(&args.output, titles, rows)
    }

    pub(super) async fn usage(&self, output: &ListOutput) -> Result<Code, Failed> {
        let usage = self.client.usage().await.map_err(failed_to("get the quotas"))?;
        let rows = usage
            .quotas()
            .map(|(name, quota)| vec![json!(name), json!(quota.limit), json!(quota.usage)]);
        self.all(output, &columns::QUOTAS, rows)
    }

    pub(super) async fn cache(&self, command: &CacheCommand) -> Result<Code, Failed> {
        let done = match command {
            CacheCommand::List(output) => {
                let cache = self.client.cache().await.map_err(failed_to("list the cache"))?;
                return self.all(output, &columns::CACHE, columns::cache(&cache));
            }
            CacheCommand::Queue { images } => return Ok(self.cache_each(images, true).await),
            CacheCommand::Delete { images } => return Ok(self.cache_each(images, false).await),
            CacheCommand::Clear { cache, queue } => {
                let target = match (cache, queue) {
                    (true, _) => ClearTarget::Cache,
                    (_, true) => ClearTarget::Queue,
                    _ => ClearTarget::All,
                };
                self.client.clear_cache(target).await
            }
            CacheCommand::Clean => self.client.clean_cache().await,
            CacheCommand::Prune => self.client.prune_cache().await,
        };
        done.map_err(failed_to("change the cache"))?;
        Ok(exit_code::DONE)
    }

    /// One that fails does not stop the others.
    async fn cache_each(&self, images: &[String], queue: bool) -> Code {
        let mut code = exit_code::DONE;
        for name_or_id in images {
            let done = async {
                let image = self.existing(name_or_id).await?;
                match queue {
                    true => {
                        let queued = self.client.cache_image(image.id()).await;
                        queued.map_err(failed_to(format!("add {name_or_id} to the cache queue")))
                    }
                    false => {
                        let removed = self.client.uncache_image(image.id()).await;
                        removed.map_err(failed_to(format!("remove {name_or_id} from the cache")))
                    }
                }
            };
            if let Err(failed) = done.await {
                code = code.or(failed.report(self.printer));
            }
        }
        code
    }
}
