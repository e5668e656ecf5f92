//! Several digests of one stream.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread::JoinHandle;

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::busy::Busy;
use crate::stream::Stream;
use crate::{Algorithm, Digest, Digests, Platform};

/// Hashes one stream with several algorithms at once.
///
/// Algorithms that take hardly longer in one pass than the slowest of them stay together: MD5 with SHA-512 on a
/// CPU with AVX-512, otherwise MD5 with SHA-256. All others are distributed over groups of about equal cost, at
/// most one group per thread. With one thread, one pass computes all that the CPU has a kernel for. Each group has
/// a thread and a queue of two chunks; a chunk in several queues costs one reference each. [`update`](MultiHasher::update) returns when every queue has accepted the chunk,
/// so the caller proceeds at the speed of the slowest group, and can read the next chunk meanwhile. If only
/// one thread is allowed, or the system starts no more, the calling thread hashes.
///
/// Dropping a hasher ends its threads after their current chunk; queued chunks are not hashed.
#[derive(Debug)]
pub struct MultiHasher {
    /// In the requested order.
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

/// Chunks in the queue of a group. They are enough to absorb differences between groups, and few enough to
/// leave buffers for reading and sending.
const QUEUE_CHUNKS: usize = 2;

impl MultiHasher {
    /// A hasher with these algorithms, each used once, on at most `threads` threads.
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
        let groups = distribute(&order, platform, threads);
        let busy = Busy::default();
        let start = |algorithms| Group::start(platform, algorithms, busy.clone());
        let started = match threads.get() {
            1 => None,
            // If one thread cannot be started, those that were started end with their queues.
            _ => groups.into_iter().map(start).collect::<std::io::Result<Vec<Group>>>().ok(),
        };
        let work = match started {
            Some(groups) => Work::Threads(groups),
            None => Work::Here(Stream::on(platform, order.iter().copied())),
        };
        MultiHasher { order, work, busy }
    }

    /// The working time of its threads.
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
                    // A thread without its queue has panicked; `finish` propagates the panic.
                    let _ = group.queue.send(Message::Chunk(chunk.clone()));
                }
            }
        }
    }

    /// The digests of all bytes that were added.
    ///
    /// # Panics
    ///
    /// If a hashing thread panicked, with its panic.
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

/// Each algorithm once, in the order of first occurrence.
fn once_each(algorithms: impl IntoIterator<Item = Algorithm>) -> Vec<Algorithm> {
    let mut order: Vec<Algorithm> = Vec::new();
    for algorithm in algorithms {
        if !order.contains(&algorithm) {
            order.push(algorithm);
        }
    }
    order
}

/// Groups of about equal cost: fused algorithms stay together, and the most expensive are assigned first,
/// each to the group with the lowest cost.
fn distribute(
    algorithms: &[Algorithm],
    platform: Platform,
    threads: NonZeroUsize,
) -> Vec<Vec<Algorithm>> {
    let mut parts: Vec<Vec<Algorithm>> = Vec::new();
    let fused = fused(algorithms, platform, threads);
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

/// The algorithms of one pass. With one thread it is MD5 with the first of each type of SHA-2. With several it is
/// MD5 with the one that costs nothing beside it.
fn fused(algorithms: &[Algorithm], platform: Platform, threads: NonZeroUsize) -> Vec<Algorithm> {
    if !platform.fuses() || !algorithms.contains(&Algorithm::Md5) {
        return Vec::new();
    }
    let first = |kind: &[Algorithm]| algorithms.iter().copied().find(|a| kind.contains(a));
    let is_alone = threads.get() == 1;
    let sha512 = first(&[Algorithm::Sha512, Algorithm::Sha384, Algorithm::Sha512_256])
        .filter(|_| is_alone || platform.fuses_sha512());
    let sha256 = first(&[Algorithm::Sha256, Algorithm::Sha224])
        .filter(|_| is_alone || sha512.is_none() && platform.fuses_sha256());
    [Some(Algorithm::Md5), sha512, sha256].into_iter().flatten().collect()
}

/// In hundredths of a cycle per byte; several in one pass cost little more than the slowest.
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

/// Hashes the chunks of the queue. A closed queue belongs to a dropped hasher, so the digests are not needed.
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
        let groups = distribute(&[Algorithm::Md5, Algorithm::Sha512], portable(), TWO);
        assert_eq!(groups, [[Algorithm::Sha512], [Algorithm::Md5]]);
        let three = [Algorithm::Md5, Algorithm::Sha512, Algorithm::Sha256];
        let more = distribute(&three, portable(), TWO);
        assert_eq!(more, [vec![Algorithm::Sha512], vec![Algorithm::Md5, Algorithm::Sha256]]);
        assert_eq!(distribute(&[], portable(), NonZeroUsize::MIN).len(), 0);
    }

    /// The platform of this name, if this CPU supports it.
    fn available(name: &str) -> Option<Platform> {
        Platform::available().into_iter().find(|platform| platform.name() == name)
    }

    #[test]
    fn one_thread_computes_all_in_one_pass() {
        use Algorithm::{Md5, Sha256, Sha512};
        for platform in Platform::available().into_iter().filter(|platform| platform.fuses()) {
            let one = distribute(&[Sha256, Md5, Sha512], platform, NonZeroUsize::MIN);
            assert_eq!(one, [[Md5, Sha512, Sha256]], "{platform:?}");
        }
    }

    #[test]
    fn with_avx512_md5_and_sha512_share_a_pass() {
        use Algorithm::{Md5, Sha3_512, Sha224, Sha256, Sha384, Sha512};
        let Some(avx512) = available("avx512") else { return };
        let of = |algorithms: &[Algorithm]| distribute(algorithms, avx512, TWO);
        assert_eq!(of(&[Md5, Sha512]), [[Md5, Sha512]]);
        assert_eq!(of(&[Sha3_512, Md5, Sha256]), [vec![Sha3_512], vec![Md5, Sha256]]);
        assert_eq!(of(&[Md5, Sha512, Sha256]), [vec![Md5, Sha512], vec![Sha256]]);
        assert_eq!(
            of(&[Sha224, Sha384, Md5, Sha512, Sha256]),
            [vec![Md5, Sha384, Sha256], vec![Sha512, Sha224]]
        );
        assert_eq!(of(&[Sha512, Sha256]), [[Sha512], [Sha256]]);
    }

    #[test]
    fn with_avx2_md5_shares_a_pass_with_sha256_only() {
        use Algorithm::{Md5, Sha256, Sha512};
        let Some(avx2) = available("avx2") else { return };
        // Without the SHA extensions SHA-256 takes longer, and the groups have another order.
        let of = |algorithms: &[Algorithm]| {
            let mut groups = distribute(algorithms, avx2, TWO);
            groups.sort_unstable();
            groups
        };
        assert_eq!(of(&[Md5, Sha512]), [[Md5], [Sha512]]);
        assert_eq!(of(&[Md5, Sha512, Sha256]), [vec![Md5, Sha256], vec![Sha512]]);
    }
}
