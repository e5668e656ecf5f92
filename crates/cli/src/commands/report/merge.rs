//! Merging of reports.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::item::{ReportItem, ReportLine};
use super::shards::Shards;
use crate::exit_code::{self, Code};
use crate::json::FORMAT_VERSION;

/// The reports cannot be merged.
#[derive(Debug, thiserror::Error)]
pub(super) enum MergeError {
    #[error("cannot read the report {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("line {line} of {} is not a JSON document of imgpush", path.display())]
    NotAReport { path: PathBuf, line: usize },
    #[error("{} is a merged report; merge the reports of the shards", path.display())]
    Merged { path: PathBuf },
    #[error("{} is the report of a shard of {found}, the others are of shards of {expected}", path.display())]
    OtherTotal { path: PathBuf, found: u32, expected: u32 },
}

impl MergeError {
    /// The exit code.
    pub(super) fn code(&self) -> Code {
        match self {
            MergeError::Read { .. } | MergeError::NotAReport { .. } => exit_code::SOURCE,
            MergeError::Merged { .. } | MergeError::OtherTotal { .. } => exit_code::USAGE,
        }
    }

    /// What to do next.
    pub(super) fn hint(&self) -> Option<String> {
        matches!(self, MergeError::NotAReport { .. }).then(|| {
            format!("a report is the output of a command with --json, version {FORMAT_VERSION}")
        })
    }
}

/// Merged reports.
#[derive(Debug, Default)]
pub(super) struct Merged {
    /// None for a result that a later one has replaced.
    items: Vec<Option<ReportItem>>,
    by_key: HashMap<[Option<String>; 3], usize>,
    pub(super) shards: Shards,
}

/// Maximum size of a line. The timeline of an upload has a few kilobytes.
const MOST_LINE_BYTES: u64 = 16 << 20;

impl Merged {
    /// Reads the reports, each after those before it. A last line that is cut is that of a run that was killed;
    /// the result is not known.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, MergeError> {
        let mut merged = Merged::default();
        for path in paths {
            merged.add_report(path)?;
        }
        Ok(merged)
    }

    /// The result of each item.
    pub(super) fn items(&self) -> impl Iterator<Item = &ReportItem> {
        self.items.iter().flatten()
    }

    fn add_report(&mut self, path: &Path) -> Result<(), MergeError> {
        let failed = |source| MergeError::Read { path: path.to_owned(), source };
        let mut file = BufReader::new(std::fs::File::open(path).map_err(failed)?);
        let mut text = Vec::new();
        for number in 1.. {
            text.clear();
            (&mut file).take(MOST_LINE_BYTES).read_until(b'\n', &mut text).map_err(failed)?;
            if text.is_empty() {
                break;
            }
            let line = str::from_utf8(&text).ok();
            let parsed = line
                .and_then(|line| ReportItem::parse(line.trim_end_matches('\n'), FORMAT_VERSION));
            let Some((shard, line)) = parsed else {
                if text.trim_ascii().is_empty() || is_cut(&text) {
                    continue;
                }
                return Err(MergeError::NotAReport { path: path.to_owned(), line: number });
            };
            if let Some(shard) = shard
                && !self.shards.add(shard)
            {
                let expected = self.shards.total().unwrap_or_default();
                let (path, found) = (path.to_owned(), shard.total());
                return Err(MergeError::OtherTotal { path, found, expected });
            }
            match line {
                ReportLine::Result(item) => self.add(item),
                ReportLine::End(is_complete) => {
                    if let Some(shard) = shard.filter(|_| is_complete) {
                        self.shards.complete(shard);
                    }
                }
                ReportLine::Merged => return Err(MergeError::Merged { path: path.to_owned() }),
            }
        }
        Ok(())
    }

    /// Adds a result. A success replaces earlier results of its item; a failure replaces failures only.
    fn add(&mut self, item: ReportItem) {
        let owned = |key: [Option<&str>; 3]| key.map(|part| part.map(str::to_owned));
        for key in item.keys_if_missing() {
            if let Some(earlier) = self.by_key.get(&owned(key)) {
                self.items[*earlier] = None;
            }
        }
        let key = owned(item.key());
        let next = self.items.len();
        let place = *self.by_key.entry(key).or_insert(next);
        match self.items.get_mut(place) {
            None => self.items.push(Some(item)),
            Some(Some(earlier)) if earlier.is_success() && !item.is_success() => {}
            Some(earlier) => *earlier = Some(item),
        }
    }
}

/// Whether the line is the start of a document: its run was killed while it was written.
fn is_cut(line: &[u8]) -> bool {
    const START: &[u8] = b"{\"format_version\":";
    !line.ends_with(b"\n") && (line.starts_with(START) || START.starts_with(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The merged results of these reports, each as the text of its lines.
    fn merged(reports: &[&str]) -> Result<Merged, MergeError> {
        let folder = tempfile::tempdir().unwrap();
        let path = |number: usize| folder.path().join(format!("{number}.json"));
        let paths: Vec<_> = (0..reports.len()).map(path).collect();
        for (path, report) in paths.iter().zip(reports) {
            std::fs::write(path, report.replace("{V", "{\"format_version\":2")).unwrap();
        }
        Merged::read(&paths)
    }

    fn failures(reports: &[&str]) -> Vec<String> {
        merged(reports).unwrap().items().filter_map(ReportItem::failure).collect()
    }

    const FAILED: &str = r#"{V,"source":"a","cloud":"c","attempts":1,"verified":false,"error":{"message":"cannot push","causes":["x","y"],"exit_code":22}}
"#;
    const PUSHED: &str = r#"{V,"source":"a","cloud":"c","action":"pushed","verified":true,"size":5}
"#;

    #[test]
    fn the_last_success_of_an_item_counts() {
        assert_eq!(failures(&[FAILED]), ["a to c: x: y"]);
        for reports in [[FAILED, PUSHED], [PUSHED, FAILED], [PUSHED, PUSHED]] {
            assert_eq!(failures(&reports), [""; 0]);
            assert_eq!(merged(&reports).unwrap().items().count(), 1);
            // One report can have both: a retried task appends to it.
            assert_eq!(failures(&[&reports.concat()]), [""; 0]);
        }
        let elsewhere = FAILED.replace("\"c\"", "\"d\"");
        assert_eq!(failures(&[PUSHED, &elsewhere]), ["a to d: x: y"]);
    }

    #[test]
    fn images_are_told_apart_by_their_ids() {
        let missing =
            r#"{V,"image":"noble","verified":false,"error":{"message":"m","exit_code":21}}"#;
        let failed =
            r#"{V,"image":"noble","id":"1","cloud":"c","verified":false,"error":{"message":"f"}}"#;
        let pulled = r#"{V,"id":"2","name":"noble","cloud":"c","verified":true,"path":"p"}"#;
        assert_eq!(failures(&[missing, pulled]), [""; 0]);
        assert_eq!(failures(&[pulled, missing]), ["noble: m"]);
        assert_eq!(failures(&[failed, pulled]), ["noble: f"]);
        let retried = pulled.replace("\"2\"", "\"1\"");
        assert_eq!(failures(&[failed, &retried]), [""; 0]);
    }

    #[test]
    fn a_file_that_differs_is_a_failure() {
        let differs = r#"{V,"file":"a","verified":false,"size":1,"digests":{}}"#;
        let item = merged(&[differs]).unwrap();
        let codes: Vec<_> = item.items().map(ReportItem::code).collect();
        assert_eq!(codes, [exit_code::SOURCE_DIFFERS]);
        assert_eq!(failures(&[differs]), ["a: the digest differs"]);
    }

    #[test]
    fn a_shard_is_complete_when_its_report_has_an_end() {
        let report = |shard: &str, end: &str| {
            format!("{{V,\"shard\":\"{shard}\",\"file\":\"{shard}\",\"size\":1}}\n{end}")
        };
        let end = |shard: &str, rest: u32| {
            format!("{{V,\"shard\":\"{shard}\",\"batch\":{{\"not_started\":{rest}}}}}\n")
        };
        let reports = [
            report("1/5", &end("1/5", 0)),
            report("2/5", &end("2/5", 3)),
            report("4/5", "{V,\"shard\":\"4/5\",\"fil"),
            // Without items.
            end("5/5", 0),
        ];
        let merged = merged(&reports.each_ref().map(|report| &**report)).unwrap();
        assert_eq!(merged.shards.total(), Some(5));
        assert_eq!(merged.shards.missing(), [3]);
        assert_eq!(merged.shards.incomplete(), [2, 4]);
        assert_eq!(merged.items().count(), 3);
    }

    #[test]
    fn other_files_are_refused() {
        let shard = |text: &str| format!("{{V,\"shard\":\"{text}\",\"file\":\"a\"}}\n");
        for (reports, message) in [
            (vec!["hello\n".to_owned()], "line 1 of "),
            (vec!["hello".to_owned()], "line 1 of "),
            (vec!["{\"format_version\":1}\n".to_owned()], "line 1 of "),
            (vec![format!("{PUSHED}{{\"a\":1}}\n{PUSHED}")], "line 2 of "),
            (vec![shard("5/4")], "line 1 of "),
            (vec![shard("1/4"), shard("1/5")], "is the report of a shard of 5"),
            (vec!["{V,\"merged\":{}}\n".to_owned()], "is a merged report"),
        ] {
            let reports: Vec<&str> = reports.iter().map(|report| &**report).collect();
            let error = merged(&reports).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
