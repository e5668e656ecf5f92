//! The share of the items that this machine processes.

use std::path::{Path, PathBuf};

use imgpush_engine::Shard;

use crate::args::ShardArgs;
use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::{hints, output};

/// The items of one shard. Without a shard, all items.
pub(crate) struct ItemShare {
    pub(crate) shard: Option<Shard>,
    is_by_size: bool,
}

/// An item cannot be assigned by its size.
#[derive(Debug, thiserror::Error)]
#[error("--shard-by size needs the size of each item, and that of {item} is not known")]
pub(crate) struct UnknownSize {
    item: String,
}

/// What shards are assigned by.
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) size: Option<u64>,
}

impl Item {
    /// A file or an address, as it is given.
    pub(crate) fn at(place: &Path) -> Self {
        let metadata = std::fs::metadata(place).ok().filter(std::fs::Metadata::is_file);
        let size = metadata.map(|metadata| metadata.len());
        Item { name: place.to_string_lossy().into_owned(), size }
    }

    fn sized(&self) -> Result<(&str, u64), UnknownSize> {
        let size = self.size.ok_or_else(|| UnknownSize { item: self.name.clone() })?;
        Ok((&self.name, size))
    }
}

impl ItemShare {
    /// The share of this machine, and a printer whose documents name it.
    ///
    /// # Errors
    ///
    /// The exit code; the error has been printed.
    pub(crate) fn of(args: &ShardArgs, printer: &Printer) -> Result<(Self, Printer), Code> {
        match args.shard() {
            Ok(shard) => {
                let share = ItemShare { shard, is_by_size: args.is_by_size() };
                Ok((share, printer.clone().of_shard(shard)))
            }
            Err(error) => {
                printer.error(&output::chain(&error), &Vec::from_iter(hints::for_shard(&error)));
                Err(exit_code::USAGE)
            }
        }
    }

    /// Whether the items are those of one shard.
    pub(crate) fn is_shard(&self) -> bool {
        self.shard.is_some()
    }

    /// Whether an item without a size belongs to the share.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.shard.is_none_or(|shard| shard.has(name))
    }

    /// The items that belong to the share, in their order; `of` says what is assigned of an item.
    pub(crate) fn of_all<T>(
        &self,
        items: Vec<T>,
        of: impl Fn(&T) -> Item,
    ) -> Result<Vec<T>, UnknownSize> {
        let Some(shard) = self.shard else { return Ok(items) };
        let assigned: Vec<Item> = items.iter().map(of).collect();
        if !self.is_by_size {
            let kept = items.into_iter().zip(assigned).filter(|(_, item)| shard.has(&item.name));
            return Ok(kept.map(|(item, _)| item).collect());
        }
        let sized = assigned.iter().map(Item::sized).collect::<Result<Vec<_>, _>>()?;
        let kept = items.into_iter().zip(shard.shares_by_size(&sized)).filter(|(_, has)| *has);
        Ok(kept.map(|(item, _)| item).collect())
    }

    /// The items that belong to the share, after saying how many they are.
    ///
    /// # Errors
    ///
    /// The exit code; the error has been printed.
    pub(crate) fn chosen<T>(
        &self,
        items: Vec<T>,
        of: impl Fn(&T) -> Item,
        quiet: bool,
        printer: &Printer,
    ) -> Result<Vec<T>, Code> {
        let all = items.len();
        match self.of_all(items, of) {
            Ok(items) => {
                if !quiet {
                    self.announce(items.len(), all, printer);
                }
                Ok(items)
            }
            Err(error) => {
                printer.error(&output::chain(&error), &[]);
                Err(exit_code::USAGE)
            }
        }
    }

    /// Says how many of all items belong to the share.
    pub(crate) fn announce(&self, count: usize, all: usize, printer: &Printer) {
        if let Some(shard) = self.shard {
            printer.note(&format!("shard {shard}: {count} of {all} items"));
        }
    }

    /// The name of a file of this shard: `nightly.journal` becomes `nightly.2-of-8.journal`.
    pub(crate) fn file(&self, path: &Path) -> PathBuf {
        let Some(shard) = self.shard else { return path.to_owned() };
        let part = format!(".{}-of-{}", shard.number(), shard.total());
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(part);
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        path.with_file_name(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_shard_are_named_after_it() {
        let share = |shard| ItemShare { shard, is_by_size: false };
        for (path, of_shard) in [
            ("nightly.journal", "nightly.2-of-8.journal"),
            ("a/b.c/report", "a/b.c/report.2-of-8"),
            ("/a.b.html", "/a.b.2-of-8.html"),
            (".journal", ".journal.2-of-8"),
        ] {
            assert_eq!(share(Shard::new(2, 8)).file(path.as_ref()), Path::new(of_shard));
            assert_eq!(share(None).file(path.as_ref()), Path::new(path));
        }
    }
}
