//! Whether the lanes are filled although each stream gets its data slowly: the CPU time of many such streams,
//! relative to the fused kernel of one stream.

use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use imgpush_digest::Algorithm::{Md5, Sha512};
use imgpush_digest::{Lanes, Platform, Stream};
use imgpush_guard::cpu;
use imgpush_guard::kernels::pattern;

/// Streams that are hashed as soon as they have data leave most lanes empty, and cost as much as one stream
/// after the other: the ratio is then about 1. Full lanes of AVX-512 cost a third of that.
const LIMITS: [(&str, f64); 2] = [("avx512", 0.6), ("avx2", 0.8)];

const STREAMS: u64 = 16;
const CHUNK_BYTES: usize = 256 << 10;
const CHUNKS: u64 = 48;

pub(crate) fn holds() -> bool {
    LIMITS.iter().all(|(level, limit)| {
        let Ok(platform) = level.parse() else {
            println!("NOT GUARDED: this CPU has no {level}");
            return true;
        };
        let chunk = Bytes::from(pattern(CHUNK_BYTES));
        let ratio = slow_streams(platform, &chunk) / one_stream(platform, &chunk);
        println!(
            "{level}: {STREAMS} slow streams in lanes / the fused kernel, CPU time: {ratio:.2}, at most {limit}"
        );
        ratio <= *limit
    })
}

/// CPU seconds for streams whose chunks come at intervals of 5 to 12 ms.
fn slow_streams(platform: Platform, chunk: &Bytes) -> f64 {
    let lanes = Lanes::on(platform, NonZeroUsize::MIN.saturating_add(1));
    let before = cpu::time();
    std::thread::scope(|scope| {
        for number in 0..STREAMS {
            let mut stream = lanes.stream([Md5, Sha512]);
            scope.spawn(move || {
                for turn in 0..CHUNKS {
                    std::thread::sleep(Duration::from_millis(5 + (turn * 5 + number * 3) % 8));
                    stream.update(chunk);
                }
                assert_eq!(stream.finish().iter().count(), 2);
            });
        }
    });
    (cpu::time() - before).as_secs_f64()
}

/// CPU seconds for the same data in one stream.
fn one_stream(platform: Platform, chunk: &Bytes) -> f64 {
    let before = cpu::time();
    let mut stream = Stream::on(platform, [Md5, Sha512]);
    for _ in 0..STREAMS * CHUNKS {
        stream.update(chunk);
    }
    assert_eq!(stream.finish().iter().count(), 2);
    (cpu::time() - before).as_secs_f64()
}
