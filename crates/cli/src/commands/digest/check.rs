//! Files against lists of digests.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use imgpush_engine::{Algorithm, Digest, DigestTask, Digested, SourceError, Sums, source};

use super::hash::{ended, hash};
use crate::args::DigestArgs;
use crate::commands::share::{Item, ItemShare};
use crate::exit_code::{self, Code};
use crate::json::{self, DigestedFile, ErrorBody, FailedFile, FileTotals};
use crate::output;
use crate::printer::Printer;

/// More bytes are no list: a hundred thousand files have half of it.
const MOST_LIST_BYTES: u64 = 32 << 20;

/// A file with the digests that the lists give for it.
struct ListedFile {
    /// The name in the first list.
    name: String,
    path: PathBuf,
    digests: Vec<Digest>,
}

/// A list of digests cannot be used.
#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error("cannot read the list {name}")]
    Read { name: String, source: std::io::Error },
    #[error("{name} is too large for a list of digests")]
    TooLarge { name: String },
    #[error("{name} contains no digests")]
    Empty { name: String },
}

pub(super) async fn run(args: &DigestArgs, share: &ItemShare, printer: &Printer) -> Code {
    let mut files = ListedFiles::default();
    let mut code = exit_code::DONE;
    for list in &args.files {
        match read(list, args) {
            Ok(sums) => {
                if !sums.faulty_lines.is_empty() {
                    printer.note(&faulty(list, &sums));
                    code = if args.strict { exit_code::SOURCE } else { code };
                }
                if sums.signed && !args.quiet {
                    printer.note(&format!(
                        "the signature of {} is not verified; use `gpg --verify`",
                        list.display()
                    ));
                }
                files.add(list, &sums);
            }
            Err(error) => {
                printer.error(&output::chain(&error), &[]);
                code = exit_code::SOURCE;
            }
        }
    }
    let of = |file: &ListedFile| Item { name: file.name.clone(), ..Item::at(&file.path) };
    let mut files = match share.chosen(files.in_order, of, args.quiet, printer) {
        Ok(files) => files,
        Err(code) => return code,
    };
    if args.ignore_missing {
        files.retain(|file| file.path.exists());
        if files.is_empty() && !share.is_shard() && code == exit_code::DONE {
            printer.error(&["none of the listed files exists".to_owned()], &[]);
            return exit_code::SOURCE;
        }
    }
    let mut tally = Tally { code, files: files.len(), ..Tally::default() };
    let tasks = files.iter().map(ListedFile::task).collect();
    let hashed = hash(tasks, args, printer, |number, result| {
        tally.add(&files[number], result, args, printer);
    })
    .await;
    tally.sum_up(args, printer);
    let totals = FileTotals { files: tally.files, failed: tally.differ + tally.unread };
    if matches!(hashed, Ok(true)) {
        printer.end_of_shard(args.json.is_on(), &totals);
    }
    ended(hashed, tally.code, printer)
}

fn read(list: &Path, args: &DigestArgs) -> Result<Sums, ListError> {
    let name = || {
        if list.as_os_str() == "-" { "standard input".into() } else { list.display().to_string() }
    };
    let mut text = Vec::new();
    let result = if list.as_os_str() == "-" {
        std::io::stdin().take(MOST_LIST_BYTES + 1).read_to_end(&mut text)
    } else {
        std::fs::File::open(list)
            .and_then(|file| file.take(MOST_LIST_BYTES + 1).read_to_end(&mut text))
    };
    result.map_err(|source| ListError::Read { name: name(), source })?;
    if text.len() as u64 > MOST_LIST_BYTES {
        return Err(ListError::TooLarge { name: name() });
    }
    let file_name = list.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let mut untagged = args.algorithms.clone();
    if untagged.is_empty() {
        untagged.extend(Sums::algorithm_of(&file_name));
        untagged.extend(Algorithm::USUAL);
    }
    let mut sums = Sums::parse(&text, &untagged);
    if !args.algorithms.is_empty() {
        sums.entries.retain(|entry| args.algorithms.contains(&entry.digest.algorithm()));
    }
    if sums.entries.is_empty() { Err(ListError::Empty { name: name() }) } else { Ok(sums) }
}

fn faulty(list: &Path, sums: &Sums) -> String {
    let [first, others @ ..] = &sums.faulty_lines[..] else { return String::new() };
    let list = list.display();
    match others.len() {
        0 => format!("warning: line {first} of {list} is not a digest"),
        others => {
            format!("warning: line {first} of {list} and {others} more lines are not digests")
        }
    }
}

/// The files of all lists, without duplicates.
#[derive(Default)]
struct ListedFiles {
    in_order: Vec<ListedFile>,
    by_path: HashMap<PathBuf, usize>,
}

impl ListedFiles {
    fn add(&mut self, list: &Path, sums: &Sums) {
        for entry in &sums.entries {
            let path = resolve(list, &entry.name);
            let number = *self.by_path.entry(path.clone()).or_insert_with(|| {
                let name = String::from_utf8_lossy(&entry.name).into_owned();
                self.in_order.push(ListedFile { name, path, digests: Vec::new() });
                self.in_order.len() - 1
            });
            self.in_order[number].digests.push(entry.digest);
        }
    }
}

/// Where the file is: as named, or beside the list.
fn resolve(list: &Path, name: &[u8]) -> PathBuf {
    let named = path_of(name);
    // A list names files; none makes us ask the network.
    let named = if source::is_address(&named) { Path::new(".").join(named) } else { named };
    let beside = list.parent().map(|folder| folder.join(&named));
    match beside {
        Some(beside) if !named.exists() && beside.exists() => beside,
        _ => named,
    }
}

#[cfg(unix)]
fn path_of(name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(name))
}

#[cfg(not(unix))]
fn path_of(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}

impl ListedFile {
    fn task(&self) -> DigestTask {
        let algorithms: Vec<_> = self.digests.iter().map(Digest::algorithm).collect();
        DigestTask::new(&self.path, algorithms)
    }
}

/// How it went.
#[derive(Default)]
struct Tally {
    code: Code,
    files: usize,
    differ: usize,
    unread: usize,
}

impl Tally {
    fn add(
        &mut self,
        file: &ListedFile,
        result: Result<Digested, SourceError>,
        args: &DigestArgs,
        printer: &Printer,
    ) {
        match result {
            Ok(digested) => self.compare(file, &digested, args, printer),
            Err(error) => {
                self.unread += 1;
                self.code = self.code.or(exit_code::SOURCE);
                let chain = output::chain(&error);
                if args.json.is_on() {
                    let error = ErrorBody::new(&chain, &[], exit_code::SOURCE);
                    printer.json(&FailedFile { file: &file.name, verified: Some(false), error });
                } else {
                    printer.result(&format!("{}: FAILED open or read", file.name));
                }
                printer.error(&chain, &[]);
            }
        }
    }

    fn compare(
        &mut self,
        file: &ListedFile,
        digested: &Digested,
        args: &DigestArgs,
        printer: &Printer,
    ) {
        let name = &file.name;
        let computed = |listed: &Digest| digested.digests.get(listed.algorithm());
        let differs = |listed: &&Digest| computed(listed) != Some(*listed);
        let differing: Vec<&Digest> = file.digests.iter().filter(differs).collect();
        let is_well = differing.is_empty();
        if args.json.is_on() {
            printer.json(&DigestedFile {
                file: name,
                verified: Some(is_well),
                size: digested.bytes,
                digests: json::digests(&digested.digests),
            });
        } else if !is_well {
            printer.result(&format!("{name}: FAILED"));
        } else if !args.quiet {
            printer.result(&format!("{name}: OK"));
        }
        if is_well {
            return;
        }
        self.differ += 1;
        self.code = exit_code::SOURCE_DIFFERS;
        let mut chain = vec![format!("{name} does not match the list")];
        chain.extend(differing.iter().map(|listed| {
            let computed = computed(listed).map_or_else(String::new, ToString::to_string);
            format!("{} listed {listed}, computed {computed}", listed.algorithm())
        }));
        printer.error(&chain, &[]);
    }

    fn sum_up(&self, args: &DigestArgs, printer: &Printer) {
        if !args.quiet && self.differ + self.unread > 0 {
            printer.note(&format!(
                "of {} files, {} did not match and {} could not be read",
                self.files, self.differ, self.unread
            ));
        }
    }
}
