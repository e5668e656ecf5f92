//! One stream, many digests.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread::JoinHandle;

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::portable::Hasher;
use crate::{Algorithm, Digest, Digests};

/// Hashes one stream by several algorithms at once.
///
/// The algorithms are dealt out in groups of about equal cost, at most as many as there are threads.
/// Each group has a thread and a queue of two chunks; a chunk is in all of them at once as one
/// more reference. [`update`](MultiHasher::update) returns when every queue has taken it, so whoever
/// feeds the hasher goes at the pace of its slowest group. With one group there is no thread: the
/// caller hashes.
///
/// Dropping a hasher ends its threads behind the chunk they are at; what is queued is not hashed.
#[derive(Debug)]
pub struct MultiHasher {
    /// In the order asked for.
    order: Vec<Algorithm>,
    work: Work,
}

enum Work {
    Here(Vec<Hasher>),
    Threads(Vec<Group>),
}

struct Group {
    queue: Sender<Message>,
    thread: JoinHandle<Vec<Digest>>,
}

enum Message {
    Chunk(Bytes),
    Finish,
}

/// Chunks that may wait for a group. Enough to cover the differences between groups, few enough that
/// they do not hold the buffers that reading and sending need.
const QUEUE_CHUNKS: usize = 2;

impl MultiHasher {
    /// A hasher by these algorithms, each counted once, on at most so many threads.
    ///
    /// # Panics
    ///
    /// When the system starts no more threads.
    #[must_use]
    pub fn new(algorithms: impl IntoIterator<Item = Algorithm>, threads: NonZeroUsize) -> Self {
        let mut order: Vec<Algorithm> = Vec::new();
        for algorithm in algorithms {
            if !order.contains(&algorithm) {
                order.push(algorithm);
            }
        }
        let groups = deal(&order, threads);
        let work = if groups.len() > 1 {
            Work::Threads(groups.into_iter().map(Group::start).collect())
        } else {
            Work::Here(order.iter().copied().map(Hasher::new).collect())
        };
        MultiHasher { order, work }
    }

    /// Adds the next bytes of the stream, in pieces of any size.
    pub fn update(&mut self, chunk: &Bytes) {
        match &mut self.work {
            Work::Here(hashers) => hashers.iter_mut().for_each(|hasher| hasher.update(chunk)),
            Work::Threads(groups) => {
                for group in groups {
                    // A thread whose queue is gone has panicked; `finish` passes that on.
                    let _ = group.queue.send(Message::Chunk(chunk.clone()));
                }
            }
        }
    }

    /// The digests of all that was added.
    ///
    /// # Panics
    ///
    /// With the panic of a hashing thread.
    #[must_use]
    pub fn finish(self) -> Digests {
        let digests: Vec<Digest> = match self.work {
            Work::Here(hashers) => hashers.into_iter().map(Hasher::finish).collect(),
            Work::Threads(groups) => {
                for group in &groups {
                    let _ = group.queue.send(Message::Finish);
                }
                groups.into_iter().flat_map(Group::join).collect()
            }
        };
        let of = |algorithm: &Algorithm| digests.iter().find(|d| d.algorithm() == *algorithm);
        Digests(self.order.iter().filter_map(of).copied().collect())
    }
}

/// The costliest first, each to the group that has least to do.
fn deal(algorithms: &[Algorithm], threads: NonZeroUsize) -> Vec<Vec<Algorithm>> {
    let mut costliest_first = algorithms.to_vec();
    costliest_first.sort_by_key(|algorithm| std::cmp::Reverse(algorithm.cost()));
    let mut groups = vec![Vec::new(); threads.get().min(algorithms.len())];
    for algorithm in costliest_first {
        let cost = |group: &Vec<Algorithm>| group.iter().map(|a| a.cost()).sum::<u32>();
        if let Some(group) = groups.iter_mut().min_by_key(|group| cost(group)) {
            group.push(algorithm);
        }
    }
    groups
}

impl Group {
    fn start(algorithms: Vec<Algorithm>) -> Self {
        let (queue, chunks) = bounded(QUEUE_CHUNKS);
        let thread = std::thread::Builder::new()
            .name(format!("imgpush-{}", algorithms[0]))
            .spawn(move || hash(&algorithms, &chunks))
            .expect("a process that hashes may start a handful of threads");
        Group { queue, thread }
    }

    fn join(self) -> Vec<Digest> {
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// A closed queue is a hasher that was dropped: nobody waits for the digests.
fn hash(algorithms: &[Algorithm], chunks: &Receiver<Message>) -> Vec<Digest> {
    let mut hashers: Vec<Hasher> = algorithms.iter().copied().map(Hasher::new).collect();
    loop {
        match chunks.recv() {
            Ok(Message::Chunk(chunk)) => hashers.iter_mut().for_each(|h| h.update(&chunk)),
            Ok(Message::Finish) => return hashers.into_iter().map(Hasher::finish).collect(),
            Err(_) => return Vec::new(),
        }
    }
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Work::Here(_) => f.write_str("Here"),
            Work::Threads(groups) => write!(f, "Threads({})", groups.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_and_sha512_get_a_thread_each() {
        let groups = deal(&[Algorithm::Md5, Algorithm::Sha512], NonZeroUsize::new(2).unwrap());
        assert_eq!(groups, [[Algorithm::Sha512], [Algorithm::Md5]]);
        let more = deal(
            &[Algorithm::Md5, Algorithm::Sha512, Algorithm::Sha256],
            NonZeroUsize::new(2).unwrap(),
        );
        assert_eq!(more, [vec![Algorithm::Sha512], vec![Algorithm::Md5, Algorithm::Sha256]]);
        assert_eq!(deal(&[], NonZeroUsize::MIN).len(), 0);
    }
}
