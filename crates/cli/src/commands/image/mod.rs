//! `imgpush image`.

mod columns;
mod import;
mod list;
mod location;
mod metadef;
mod record;
mod save;
mod shared;
mod stage;
mod verbs;

use self::verbs::Verbs;
use super::connect::connect;
use super::failed::Failed;
use crate::args::CloudArgs;
use crate::args::image::{AddCommand, ImageArgs, ImageCommand, ImportCommand, RemoveCommand};
use crate::exit_code::{self, Code};
use crate::interrupt;
use crate::printer::Printer;

pub(crate) async fn run(cloud: &CloudArgs, args: &ImageArgs, printer: &Printer) -> Code {
    // Transfers clean up when they are interrupted; other commands end at once.
    if let ImageCommand::Create(create) = &args.command
        && let Some(file) = &create.file
    {
        return record::push(cloud, create, file, printer).await;
    }
    let cancel = interrupt::token(printer);
    match &args.command {
        ImageCommand::Save(save) => return save::run(cloud, save, printer, &cancel).await,
        ImageCommand::Stage(stage) => return stage::run(cloud, stage, printer, &cancel).await,
        _ => {}
    }
    let done = async {
        let (_, client) = connect(cloud).await?;
        Verbs { client, printer }.run(&args.command).await
    };
    tokio::select! {
        done = done => done.unwrap_or_else(|failed| failed.report(printer)),
        () = cancel.cancelled() => {
            printer.error(&["interrupted".to_owned()], &[]);
            exit_code::INTERRUPTED
        }
    }
}

impl Verbs<'_> {
    async fn run(&self, command: &ImageCommand) -> Result<Code, Failed> {
        match command {
            ImageCommand::List(args) => self.list(args).await,
            ImageCommand::Show(args) => self.show(args).await,
            ImageCommand::Find(args) => self.find(args).await,
            ImageCommand::Create(args) => self.create(args).await,
            ImageCommand::Set(args) => self.set(args).await,
            ImageCommand::Unset(args) => self.unset(args).await,
            ImageCommand::Delete(args) => Ok(self.delete(args).await),
            ImageCommand::Save(_) | ImageCommand::Stage(_) => unreachable!("run() has taken it"),
            ImageCommand::Import(args) => match &args.info {
                Some(ImportCommand::Info(output)) => self.import_info(output).await,
                None => self.import(args).await,
            },
            ImageCommand::Deactivate { image } => self.set_active(image, false).await,
            ImageCommand::Reactivate { image } => self.set_active(image, true).await,
            ImageCommand::Members(args) => self.members(args).await,
            ImageCommand::Member(command) => self.member(command).await,
            ImageCommand::Tag(command) => self.tag(command).await,
            ImageCommand::Locations(args) => self.locations(args).await,
            ImageCommand::Location(command) => self.location(command).await,
            ImageCommand::Tasks(args) => self.tasks(args).await,
            ImageCommand::Task(command) => self.task(command).await,
            ImageCommand::Stores(args) => self.stores(args).await,
            ImageCommand::Usage(output) => self.usage(output).await,
            ImageCommand::ImportInfo(output) => self.import_info(output).await,
            ImageCommand::Cache(command) => self.cache(command).await,
            ImageCommand::Metadef(command) => self.metadef(command).await,
            ImageCommand::Add(AddCommand::Project(args)) => self.add_member(args).await,
            ImageCommand::Remove(RemoveCommand::Project(share)) => self.remove_member(share).await,
        }
    }
}
