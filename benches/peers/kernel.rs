//! A push compared with its unavoidable work: the fused kernel on a buffer in the cache.

use std::num::NonZeroUsize;
use std::time::Instant;

use bytes::Bytes;
use imgpush_benches::process::Run;
use imgpush_digest::{Algorithm, MultiHasher};
use imgpush_engine::pool::CHUNK_BYTES;
use serde_json::Value;

use crate::files::Files;
use crate::lab::Lab;
use crate::service::Service;
use imgpush_benches::sink::Sink;
use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::take_turns;

pub(crate) fn measure(lab: &Lab, files: &Files, table: &mut Table) {
    let sink = Sink::start(files.known());
    let service = Service::of_sink(&sink);
    let image = &files.full;
    let mut runs = 0u32;
    // Seconds in total, and while sending.
    let own = || {
        runs += 1;
        let run = service.imgpush(lab, image);
        (run.wall.as_secs_f64(), sending_seconds(&run))
    };
    let pairs = take_turns(lab.pairs, own, || (fused_seconds(image.bytes), 0.0));
    let cost = sink.cpu().as_secs_f64() / f64::from(runs);

    let mb = f64::from(u32::try_from(image.bytes / 1_000_000).unwrap());
    table.speed("fused kernel on a warm buffer", pairs.spread(|_, kernel| mb / kernel.0));
    table.speed("`imgpush push` while sending", pairs.spread(|own, _| mb / own.1));
    table.ratio(
        "upload to a null sink / fused kernel, throughput of the complete process",
        &Goal::AtLeast(0.90, 0.95),
        pairs.spread(|own, kernel| kernel.0 / own.0),
    );
    table.ratio(
        "the same while sending",
        &Goal::None,
        pairs.spread(|own, kernel| kernel.0 / own.1),
    );
    table.one("CPU seconds of the sink per push, on two cores", &Goal::None, cost, " s");
}

/// Seconds for MD5 and SHA-512 of this number of bytes, with the threads of a push.
fn fused_seconds(bytes: u64) -> f64 {
    let chunk = Bytes::from(vec![7; CHUNK_BYTES]);
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let start = Instant::now();
    let mut hasher = MultiHasher::new([Algorithm::Md5, Algorithm::Sha512], threads);
    for _ in 0..bytes / CHUNK_BYTES as u64 {
        hasher.update(&chunk);
    }
    assert_eq!(hasher.finish().iter().count(), 2);
    start.elapsed().as_secs_f64()
}

/// Seconds from the first byte to the last, from the lines of `--progress json`.
pub(crate) fn sending_seconds(run: &Run) -> f64 {
    let lines = run.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let sending = lines.filter(|line| line["phase"] == "sending");
    let times: Vec<f64> = sending.filter_map(|line| line["seconds"].as_f64()).collect();
    times[times.len() - 1] - times[0]
}
