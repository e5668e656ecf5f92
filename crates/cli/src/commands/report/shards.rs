//! The shards whose reports are there.

use std::collections::BTreeSet;

use imgpush_engine::Shard;

/// The shards of merged reports.
#[derive(Debug, Default)]
pub(super) struct Shards {
    total: Option<u32>,
    found: BTreeSet<u32>,
    complete: BTreeSet<u32>,
}

impl Shards {
    /// Adds a shard. Returns false if it is one of another number of shards.
    pub(super) fn add(&mut self, shard: Shard) -> bool {
        self.found.insert(shard.number());
        *self.total.get_or_insert(shard.total()) == shard.total()
    }

    /// Marks a shard as complete: its run has ended.
    pub(super) fn complete(&mut self, shard: Shard) {
        self.complete.insert(shard.number());
    }

    /// The number of shards, if there are any.
    pub(super) fn total(&self) -> Option<u32> {
        self.total
    }

    /// The shards without a report.
    pub(super) fn missing(&self) -> Vec<u32> {
        (1..=self.total.unwrap_or(0)).filter(|shard| !self.found.contains(shard)).collect()
    }

    /// The shards whose reports have no end.
    pub(super) fn incomplete(&self) -> Vec<u32> {
        self.found.difference(&self.complete).copied().collect()
    }
}

/// The numbers as text, such as `1-3, 7`.
pub(super) fn shown(shards: &[u32]) -> String {
    let ranges = shards.chunk_by(|one, next| one + 1 == *next).map(|range| match range {
        [first, .., last] => format!("{first}-{last}"),
        range => range.iter().map(u32::to_string).collect(),
    });
    ranges.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_complete_incomplete_or_missing() {
        let mut shards = Shards::default();
        assert_eq!((shards.total(), shards.missing()), (None, vec![]));
        let shard = |number| Shard::new(number, 9).unwrap();
        for number in [2, 3, 8] {
            assert!(shards.add(shard(number)));
        }
        shards.complete(shard(3));
        assert!(!shards.add(Shard::new(1, 8).unwrap()));
        let mut shards = Shards { found: [2, 3, 8].into(), ..shards };
        assert_eq!(shards.total(), Some(9));
        assert_eq!(shown(&shards.missing()), "1, 4-7, 9");
        assert_eq!(shown(&shards.incomplete()), "2, 8");
        shards.complete(shard(2));
        assert_eq!(shown(&shards.incomplete()), "8");
        assert_eq!(shown(&[]), "");
    }
}
