//! `imgpush report`.

mod item;
mod merge;
mod shards;

use serde::Serialize;

use self::item::ReportItem;
use self::merge::Merged;
use crate::args::{MergeArgs, ReportArgs, ReportCommand};
use crate::command_line::command_line;
use crate::exit_code::{self, Code};
use crate::output;
use crate::printer::Printer;
use crate::report_page::{self, ReportFile, ReportFileError};

pub(crate) fn run(args: &ReportArgs, printer: &Printer) -> Code {
    match &args.command {
        ReportCommand::Merge(args) => merge(args, printer),
    }
}

/// The totals of merged reports.
#[derive(Serialize)]
struct MergedTotals<'a> {
    merged: MergedBody<'a>,
}

#[derive(Serialize)]
struct MergedBody<'a> {
    reports: usize,
    succeeded: usize,
    failed: usize,
    /// Bytes of the items that succeeded.
    bytes: u64,
    /// The number of shards, if the reports are those of shards.
    shards: Option<u32>,
    missing: &'a [u32],
    incomplete: &'a [u32],
}

fn merge(args: &MergeArgs, printer: &Printer) -> Code {
    let merged = match Merged::read(&args.files) {
        Ok(merged) => merged,
        Err(error) => {
            printer.error(&output::chain(&error), &Vec::from_iter(error.hint()));
            return error.code();
        }
    };
    let (missing, incomplete) = (merged.shards.missing(), merged.shards.incomplete());
    let mut codes: Vec<Code> = merged.items().map(ReportItem::code).collect();
    let failed = codes.iter().filter(|code| **code != exit_code::DONE).count();
    let succeeded = codes.len() - failed;
    let bytes = merged.items().filter_map(ReportItem::bytes).sum();
    if args.json.is_on() {
        merged.items().for_each(|item| printer.json_line(item.line()));
        let (reports, shards) = (args.files.len(), merged.shards.total());
        let (missing, incomplete) = (&*missing, &*incomplete);
        let body = MergedBody { reports, succeeded, failed, bytes, shards, missing, incomplete };
        printer.json(&MergedTotals { merged: body });
    } else {
        let size = output::bytes(bytes);
        printer.result(&format!("{succeeded} succeeded ({size}), {failed} failed"));
    }
    for failure in merged.items().filter_map(ReportItem::failure) {
        printer.note(&format!("  failed  {failure}"));
    }
    if let Some(total) = merged.shards.total() {
        let complete = total as usize - missing.len() - incomplete.len();
        printer.note(&format!("{complete} of {total} shards are complete"));
        for (shards, state) in [(&missing, "missing"), (&incomplete, "incomplete")] {
            if !shards.is_empty() {
                printer.note(&format!("  {state}  {}", shards::shown(shards)));
                codes.push(exit_code::PARTIAL);
            }
        }
    }
    if let Some(file) = &args.html {
        let results: Vec<_> = merged.items().filter_map(ReportItem::push).collect();
        let about = merged
            .shards
            .total()
            .map(|total| format!("{} of {total} shards", total as usize - missing.len()));
        let page = report_page::page(&results, &command_line(), about.as_deref());
        let written: Result<(), ReportFileError> =
            ReportFile::create(file, args.overwrite).and_then(|file| file.write(&page));
        if let Err(error) = written {
            printer.error(&output::chain(&error), &Vec::from_iter(error.hint()));
            codes.push(exit_code::UNEXPECTED);
        }
    }
    exit_code::of_all(&codes)
}
