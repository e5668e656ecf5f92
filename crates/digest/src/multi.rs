//! One stream, many digests.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread::JoinHandle;

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::busy::Busy;
use crate::stream::Stream;
use crate::{Algorithm, Digest, Digests, Platform};

/// Hashes one stream by several algorithms at once.
///
/// Where the CPU has a kernel that computes several digests in one pass, those stay together: MD5 with
/// SHA-512 and SHA-256 costs a tenth more than MD5 alone. What is left is dealt out in groups of about
/// equal cost, at most as many as there are threads.
/// Each group has a thread and a queue of two chunks; a chunk is in all of them at once as one
/// more reference. [`update`](MultiHasher::update) returns when every queue has taken it, so whoever
/// feeds the hasher goes at the pace of its slowest group, and can read on meanwhile. Where there may
/// be one thread only, or the system starts no more, that is the caller's.
///
/// Dropping a hasher ends its threads behind the chunk they are at; what is queued is not hashed.
#[derive(Debug)]
pub struct MultiHasher {
    /// In the order asked for.
    order: Vec<Algorithm>,
    work: Work,
    busy: Busy,
}

enum Work {
    Here(Stream),
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
    #[must_use]
    pub fn new(algorithms: impl IntoIterator<Item = Algorithm>, threads: NonZeroUsize) -> Self {
        MultiHasher::on(Platform::detect(), algorithms, threads)
    }

    /// The same with the kernels of this platform.
    #[must_use]
    pub fn on(
        platform: Platform,
        algorithms: impl IntoIterator<Item = Algorithm>,
        threads: NonZeroUsize,
    ) -> Self {
        let order = once_each(algorithms);
        let groups = deal(&order, platform, threads);
        let busy = Busy::default();
        let start = |algorithms| Group::start(platform, algorithms, busy.clone());
        let started = match threads.get() {
            1 => None,
            // Without a thread for each group those that were started end with their queues.
            _ => groups.into_iter().map(start).collect::<std::io::Result<Vec<Group>>>().ok(),
        };
        let work = match started {
            Some(groups) => Work::Threads(groups),
            None => Work::Here(Stream::on(platform, order.iter().copied())),
        };
        MultiHasher { order, work, busy }
    }

    /// How long its threads have worked.
    #[must_use]
    pub fn busy(&self) -> Busy {
        self.busy.clone()
    }

    /// Adds the next bytes of the stream, in pieces of any size.
    pub fn update(&mut self, chunk: &Bytes) {
        match &mut self.work {
            Work::Here(stream) => self.busy.measure(|| stream.update(chunk)),
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
            Work::Here(stream) => return stream.finish(),
            Work::Threads(groups) => {
                for group in &groups {
                    let _ = group.queue.send(Message::Finish);
                }
                groups.into_iter().flat_map(Group::join).collect()
            }
        };
        Digests::in_order(&self.order, &digests)
    }
}

/// Each algorithm once, as first seen.
fn once_each(algorithms: impl IntoIterator<Item = Algorithm>) -> Vec<Algorithm> {
    let mut order: Vec<Algorithm> = Vec::new();
    for algorithm in algorithms {
        if !order.contains(&algorithm) {
            order.push(algorithm);
        }
    }
    order
}

/// Groups of about equal cost: what is fused stays together, and the costliest goes first, each to the
/// group that has least to do.
fn deal(
    algorithms: &[Algorithm],
    platform: Platform,
    threads: NonZeroUsize,
) -> Vec<Vec<Algorithm>> {
    let mut parts: Vec<Vec<Algorithm>> = Vec::new();
    let fused = fused(algorithms, platform);
    parts.extend(algorithms.iter().filter(|a| !fused.contains(a)).map(|a| vec![*a]));
    parts.extend((!fused.is_empty()).then_some(fused));
    parts.sort_by_key(|part| std::cmp::Reverse(cost(part)));
    let mut groups = vec![(0, Vec::new()); threads.get().min(parts.len())];
    for part in parts {
        if let Some((sum, group)) = groups.iter_mut().min_by_key(|(sum, _)| *sum) {
            *sum += cost(&part);
            group.extend(part);
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Those that go in one pass: MD5 with the first of each kind of SHA-2.
fn fused(algorithms: &[Algorithm], platform: Platform) -> Vec<Algorithm> {
    if !platform.fuses() || !algorithms.contains(&Algorithm::Md5) {
        return Vec::new();
    }
    let first = |kind: &[Algorithm]| algorithms.iter().copied().find(|a| kind.contains(a));
    let sha512 = first(&[Algorithm::Sha512, Algorithm::Sha384, Algorithm::Sha512_256]);
    let sha256 = first(&[Algorithm::Sha256, Algorithm::Sha224]);
    [Some(Algorithm::Md5), sha512, sha256].into_iter().flatten().collect()
}

/// In hundredths of a cycle a byte; several that go in one pass cost little more than the slowest.
fn cost(part: &[Algorithm]) -> u32 {
    let slowest = part.iter().map(|algorithm| algorithm.cost()).max().unwrap_or(0);
    slowest + slowest / 10 * u32::from(part.len() > 1)
}

impl Group {
    fn start(platform: Platform, algorithms: Vec<Algorithm>, busy: Busy) -> std::io::Result<Self> {
        let (queue, chunks) = bounded(QUEUE_CHUNKS);
        let name = algorithms.first().map_or_else(String::new, ToString::to_string);
        let thread = std::thread::Builder::new()
            .name(format!("imgpush-{name}"))
            .spawn(move || hash(Stream::on(platform, algorithms), &chunks, &busy))?;
        Ok(Group { queue, thread })
    }

    fn join(self) -> Vec<Digest> {
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// A closed queue is a hasher that was dropped: nobody waits for the digests.
fn hash(mut stream: Stream, chunks: &Receiver<Message>, busy: &Busy) -> Vec<Digest> {
    loop {
        match chunks.recv() {
            Ok(Message::Chunk(chunk)) => busy.measure(|| stream.update(&chunk)),
            Ok(Message::Finish) => return stream.finish().0,
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

    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    fn portable() -> Platform {
        "portable".parse().unwrap()
    }

    #[test]
    fn without_a_kernel_for_both_md5_and_sha512_get_a_thread_each() {
        let groups = deal(&[Algorithm::Md5, Algorithm::Sha512], portable(), TWO);
        assert_eq!(groups, [[Algorithm::Sha512], [Algorithm::Md5]]);
        let three = [Algorithm::Md5, Algorithm::Sha512, Algorithm::Sha256];
        let more = deal(&three, portable(), TWO);
        assert_eq!(more, [vec![Algorithm::Sha512], vec![Algorithm::Md5, Algorithm::Sha256]]);
        assert_eq!(deal(&[], portable(), NonZeroUsize::MIN).len(), 0);
    }

    #[test]
    fn what_a_kernel_computes_in_one_pass_stays_together() {
        use Algorithm::{Md5, Sha3_512, Sha224, Sha256, Sha384, Sha512};
        let Some(fusing) = Platform::available().into_iter().find(|platform| platform.fuses())
        else {
            return;
        };
        assert_eq!(deal(&[Md5, Sha512], fusing, TWO), [[Md5, Sha512]]);
        assert_eq!(
            deal(&[Sha3_512, Md5, Sha256], fusing, TWO),
            [vec![Sha3_512], vec![Md5, Sha256]]
        );
        assert_eq!(
            deal(&[Sha224, Sha384, Md5, Sha512, Sha256], fusing, TWO),
            [vec![Md5, Sha384, Sha224], vec![Sha512, Sha256]]
        );
        assert_eq!(deal(&[Sha512, Sha256], fusing, TWO), [[Sha512], [Sha256]]);
    }
}
