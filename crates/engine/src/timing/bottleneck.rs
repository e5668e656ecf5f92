//! The bottleneck of a push and advice about it, from the seconds of its stages alone. [`Timing`](super::Timing)
//! calls it.

use super::step::Stages;
use crate::named_enum::named_enum;

named_enum! {
    /// The stage that took most of the time of a push.
    pub enum Bottleneck {
        /// Reading the source.
        Source = "source",
        /// Decompressing it.
        Decompress = "decompress",
        /// Hashing it.
        Hash = "hash",
        /// The network, or a service that accepts data slowly.
        Network = "network",
        /// The service after the last byte: storing, hashing, importing.
        Server = "server",
        /// Requests before the first byte, and the creation of the record.
        Preflight = "preflight",
        /// Pauses before retries.
        Retries = "retries",
        /// A second pass over the source, because the service uses another hash.
        Verification = "verification",
        /// Another target was slower.
        OtherTargets = "other-targets",
    }
}

/// The times of a push to one target.
pub(super) struct Course<'a> {
    pub(super) stages: &'a Stages,
    /// Seconds from the first read to the end of verification.
    pub(super) seconds: f64,
    /// Bytes sent in all attempts.
    pub(super) sent: u64,
    /// Whether there is no other target.
    pub(super) is_alone: bool,
}

pub(super) struct Judged {
    pub(super) bottleneck: Bottleneck,
    /// Seconds that it took.
    pub(super) seconds: f64,
    pub(super) advice: Option<String>,
}

/// Assigns all time of a push to causes, and returns the cause with most of it.
///
/// Sending, waiting for the response and similar stages are the target's own time. While the target waited for
/// data, or had no stage, the pass over the source determined the speed. That time is divided as the pass spent
/// its own; time in which the pass waited for targets counts only if there are others. Time that the pass does not
/// account for was spent inside a read.
pub(super) fn judge(course: &Course) -> Judged {
    let Course { stages, seconds, is_alone, .. } = *course;
    let own = stages.preflight
        + stages.create
        + stages.send
        + stages.wait_for_answer
        + stages.import
        + stages.retry_pauses
        + stages.verify
        + stages.remove;
    let waited = (seconds - own).max(0.0) + stages.wait_for_data;
    let held_up = if is_alone { 0.0 } else { stages.wait_for_send };
    let reading = stages.read + stages.decompress + stages.wait_for_hash + held_up;
    let scale = if reading > waited { waited / reading } else { 1.0 };
    let unknown = waited - reading * scale;
    let (read, others) = if is_alone { (unknown, 0.0) } else { (0.0, unknown) };
    let costs = [
        (Bottleneck::Network, (stages.send - stages.wait_for_data).max(0.0)),
        (Bottleneck::Server, stages.wait_for_answer + stages.import),
        (Bottleneck::Hash, stages.wait_for_hash * scale),
        (Bottleneck::Decompress, stages.decompress * scale),
        (Bottleneck::Source, stages.read * scale + read),
        (Bottleneck::Preflight, stages.preflight + stages.create),
        (Bottleneck::Retries, stages.retry_pauses),
        (Bottleneck::Verification, stages.verify),
        (Bottleneck::OtherTargets, held_up * scale + others),
    ];
    let most = |one: (Bottleneck, f64), other: (Bottleneck, f64)| {
        if other.1 > one.1 { other } else { one }
    };
    let (bottleneck, cost) = costs.into_iter().reduce(most).expect("there are nine");
    Judged { bottleneck, seconds: cost, advice: advice(bottleneck, cost, course) }
}

/// What would make the push faster; none for a short push.
fn advice(bottleneck: Bottleneck, cost: f64, course: &Course) -> Option<String> {
    let Course { stages, sent, .. } = *course;
    if course.seconds < SHORT {
        return None;
    }
    let rate = |seconds: f64| match mib(sent, seconds) {
        rate if rate >= 1.0 => format!(" ({rate:.0} MiB/s)"),
        _ => String::new(),
    };
    const USE_JOBS: &str = "; more images at a time (--jobs) use that time";
    Some(match bottleneck {
        Bottleneck::Network => format!("limited by the network or the service{}", rate(cost)),
        Bottleneck::Server if stages.import > stages.wait_for_answer => {
            format!("the service needed {:.1} s for the import{USE_JOBS}", stages.import)
        }
        Bottleneck::Server => format!(
            "the service needed {:.1} s after the last byte to hash and store the data{USE_JOBS}",
            stages.wait_for_answer
        ),
        Bottleneck::Hash => {
            "limited by hashing; with --jobs several images are hashed together, which is faster per core"
                .to_owned()
        }
        Bottleneck::Decompress => {
            "limited by decompression, which uses one core per image; zstd decompresses fastest, and \
             --jobs decompresses several images at a time"
                .to_owned()
        }
        Bottleneck::Source if mib(sent, stages.read) > FAST_SOURCE_MIB => {
            "limited by copying from the page cache; --io mmap avoids the copy".to_owned()
        }
        Bottleneck::Source => format!(
            "limited by the source{}; a faster disk or a nearer copy would help",
            rate(cost)
        ),
        Bottleneck::Preflight => {
            format!("the service needed {cost:.1} s for requests before the first byte{USE_JOBS}")
        }
        Bottleneck::Retries => "most of the time went into retries; see the notes".to_owned(),
        Bottleneck::Verification => {
            "the source was read again, because the service uses another hash; with os_hash_algo \
             sha512 one read is enough"
                .to_owned()
        }
        Bottleneck::OtherTargets => {
            "limited by another target; --slowest drop continues without it".to_owned()
        }
    })
}

/// MiB a second.
fn mib(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 / f64::from(1 << 20) / seconds.max(0.001)
}

/// The seconds below which there is no advice.
const SHORT: f64 = 1.0;

/// No disk is that fast: the data came from the page cache.
const FAST_SOURCE_MIB: f64 = 2000.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// A push of one GiB to a single target.
    fn judged(stages: &Stages, seconds: f64) -> (Bottleneck, f64, String) {
        let course = Course { stages, seconds, sent: 1 << 30, is_alone: true };
        let Judged { bottleneck, seconds, advice } = judge(&course);
        (bottleneck, (seconds * 10.0).round() / 10.0, advice.unwrap_or_default())
    }

    #[test]
    fn waiting_for_data_counts_for_what_the_reader_did() {
        let starved = Stages { send: 10.0, wait_for_data: 9.0, ..Stages::default() };
        let slow = Stages { read: 8.0, wait_for_hash: 1.0, ..starved.clone() };
        let (bottleneck, seconds, advice) = judged(&slow, 10.0);
        assert_eq!((bottleneck, seconds), (Bottleneck::Source, 8.0));
        assert!(advice.starts_with("limited by the source (128 MiB/s)"), "{advice}");

        let compressed = Stages { read: 2.0, decompress: 7.5, ..starved.clone() };
        assert_eq!(judged(&compressed, 10.0).0, Bottleneck::Decompress);

        let hashed = Stages { read: 1.0, wait_for_hash: 8.0, hash: 9.9, ..starved.clone() };
        let (bottleneck, _, advice) = judged(&hashed, 10.0);
        assert_eq!(bottleneck, Bottleneck::Hash);
        assert!(advice.contains("--jobs"), "{advice}");

        // A read that hangs is not counted yet.
        assert_eq!(judged(&starved, 10.0).0, Bottleneck::Source);
    }

    #[test]
    fn a_reader_that_is_ahead_costs_nothing() {
        let stages = Stages {
            read: 6.0,
            hash: 7.0,
            wait_for_send: 3.0,
            send: 10.0,
            wait_for_data: 0.5,
            wait_for_network: 9.5,
            wait_for_answer: 1.0,
            ..Stages::default()
        };
        let (bottleneck, seconds, advice) = judged(&stages, 11.0);
        assert_eq!((bottleneck, seconds), (Bottleneck::Network, 9.5));
        assert_eq!(advice, "limited by the network or the service (108 MiB/s)");
    }

    #[test]
    fn the_time_of_the_service_is_before_the_first_byte_or_after_the_last() {
        let server = Stages { send: 2.0, wait_for_answer: 5.6, ..Stages::default() };
        let (bottleneck, seconds, advice) = judged(&server, 7.6);
        assert_eq!((bottleneck, seconds), (Bottleneck::Server, 5.6));
        assert!(advice.contains("5.6 s after the last byte"), "{advice}");

        let import = Stages { send: 2.0, wait_for_answer: 1.0, import: 30.0, ..Stages::default() };
        assert!(judged(&import, 33.0).2.contains("30.0 s for the import"));

        let asking = Stages { preflight: 1.0, create: 1.0, send: 0.1, ..Stages::default() };
        assert_eq!(judged(&asking, 2.1).0, Bottleneck::Preflight);

        let broken = Stages { send: 2.0, retry_pauses: 4.0, ..Stages::default() };
        assert_eq!(judged(&broken, 6.0).0, Bottleneck::Retries);

        let twice = Stages { send: 2.0, verify: 4.0, ..Stages::default() };
        assert_eq!(judged(&twice, 6.0).0, Bottleneck::Verification);
    }

    #[test]
    fn with_several_targets_the_reader_waits_for_them_too() {
        let stages = Stages {
            read: 1.0,
            wait_for_send: 8.0,
            send: 10.0,
            wait_for_data: 9.0,
            ..Stages::default()
        };
        let course = Course { stages: &stages, seconds: 10.0, sent: 0, is_alone: false };
        assert_eq!(judge(&course).bottleneck, Bottleneck::OtherTargets);
        // All services are queried before the first byte is sent.
        let early = Stages { preflight: 1.0, send: 2.0, ..Stages::default() };
        let course = Course { stages: &early, seconds: 9.0, sent: 0, is_alone: false };
        assert_eq!(judge(&course).bottleneck, Bottleneck::OtherTargets);
    }

    #[test]
    fn a_source_as_fast_as_memory_is_not_called_slow() {
        let cached = Stages { read: 0.4, send: 1.1, wait_for_data: 1.0, ..Stages::default() };
        assert_eq!(judged(&cached, 0.9).2, "", "a short push needs no advice");
        let (bottleneck, _, advice) = judged(&cached, 1.1);
        assert_eq!(bottleneck, Bottleneck::Source);
        assert!(advice.contains("--io mmap"), "{advice}");
    }

    #[test]
    fn data_that_the_service_downloads_is_hashed_here_first() {
        let stages = Stages { read: 1.0, wait_for_hash: 5.0, import: 3.0, ..Stages::default() };
        assert_eq!(judged(&stages, 9.2).0, Bottleneck::Hash);
    }
}
