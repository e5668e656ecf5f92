//! Shares of a batch, for several machines.

mod assignment;
mod scheduler;

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// One of N shares of a batch. Each machine processes one of them.
///
/// All machines compute the same assignment without talking to each other: each item belongs to exactly one shard,
/// whatever the order of the items, and whatever other items there are.
///
/// ```
/// use imgpush_engine::Shard;
///
/// let shards: Vec<Shard> = (1..=3).map(|number| Shard::new(number, 3).unwrap()).collect();
/// let owners = shards.iter().filter(|shard| shard.has("images/noble.qcow2"));
/// assert_eq!(owners.count(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shard {
    /// From 1 to `total`.
    number: NonZeroU32,
    total: NonZeroU32,
}

/// Why there is no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// The text is not a shard.
    #[error(
        "{0} is not a shard: expected I/N, such as 2/8, with I from 1 to N and N up to {MOST_SHARDS}"
    )]
    Syntax(String),
    /// No scheduler has set variables for a shard.
    #[error("no scheduler has set the number of this shard in the environment")]
    NoScheduler,
    /// Two schedulers have set different shards.
    #[error("{first} and {second} set different shards in the environment")]
    Several {
        /// The name of one.
        first: &'static str,
        /// The name of the other.
        second: &'static str,
    },
    /// The variable of the number is not set.
    #[error("{scheduler} sets {total_variable} to {total}, but does not set {variable}")]
    NoNumber {
        /// The name of the scheduler.
        scheduler: &'static str,
        /// The variable of the number of shards.
        total_variable: &'static str,
        /// Its value.
        total: String,
        /// The variable that is missing.
        variable: &'static str,
    },
    /// The scheduler does not set the number of shards.
    #[error("{scheduler} sets {variable}, but not the number of shards")]
    NoTotal {
        /// The name of the scheduler.
        scheduler: &'static str,
        /// The variable of the number of this shard.
        variable: &'static str,
    },
    /// The scheduler sets another number of shards than expected.
    #[error("{scheduler} has {found} shards, not {expected}")]
    OtherTotal {
        /// The name of the scheduler.
        scheduler: &'static str,
        /// The number of shards that it sets.
        found: u32,
        /// The number that was expected.
        expected: u32,
    },
    /// A variable of a scheduler has a value that does not fit the others.
    #[error("{scheduler} sets {variable} to {value}: {problem}")]
    Variable {
        /// The name of the scheduler.
        scheduler: &'static str,
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// The problem with it.
        problem: String,
    },
}

/// Maximum number of shards. The assignment of an item takes a few nanoseconds for each shard.
const MOST_SHARDS: u32 = 100_000;

impl Shard {
    /// The only shard: all items.
    pub const ALL: Shard = Shard { number: NonZeroU32::MIN, total: NonZeroU32::MIN };

    /// Returns shard `number` of `total`, numbered from 1. None if the number is not in this range, or the total is
    /// more than 100,000.
    pub fn new(number: u32, total: u32) -> Option<Self> {
        let (number, total) = (NonZeroU32::new(number)?, NonZeroU32::new(total)?);
        (number <= total && total.get() <= MOST_SHARDS).then_some(Shard { number, total })
    }

    /// The number of this shard, from 1.
    pub fn number(self) -> u32 {
        self.number.get()
    }

    /// The number of shards.
    pub fn total(self) -> u32 {
        self.total.get()
    }

    /// Whether an item belongs to this shard. It is assigned by rendezvous hashing: if the number of shards grows
    /// by one, only the items of the new shard change theirs. The assignment is the same in all versions.
    pub fn has(self, item: &str) -> bool {
        assignment::by_hash(item, self.total) == self.number
    }

    /// Whether each of these items belongs to this shard, if they are assigned by size: the largest first, to the
    /// shard with the least bytes. All shards need the same items with the same sizes, in any order.
    pub fn shares_by_size(self, items: &[(&str, u64)]) -> Vec<bool> {
        let shards = assignment::by_size(items, self.total);
        shards.into_iter().map(|shard| shard == self.number).collect()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.total)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let number = |text: &str| text.parse().ok().filter(|_| !text.starts_with('+'));
        let shard = text
            .split_once('/')
            .and_then(|(shard, total)| Shard::new(number(shard)?, number(total)?));
        shard.ok_or_else(|| ShardError::Syntax(text.to_owned()))
    }
}

impl Serialize for Shard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_read_as_it_is_shown() {
        for (number, total) in [(1, 1), (2, 8), (100_000, 100_000)] {
            let shard = Shard::new(number, total).unwrap();
            assert_eq!(shard.to_string().parse(), Ok(shard));
        }
        for wrong in
            ["", "1", "0/4", "5/4", "1/0", "a/4", "1/100001", "-1/4", "+1/4", "1/4/4", " 1/4"]
        {
            assert_eq!(wrong.parse::<Shard>(), Err(ShardError::Syntax(wrong.to_owned())));
        }
    }
}
