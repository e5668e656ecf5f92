//! The cost of several targets, and of large images.

use std::fs;

use imgpush_benches::process::Run;

use crate::files::{Files, Image};
use crate::kernel::sending_seconds;
use crate::lab::Lab;
use crate::web::Web;
use imgpush_benches::process::succeed;
use imgpush_benches::sink::Sink;
use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::Spread;

pub(crate) fn measure(lab: &Lab, files: &Files, table: &mut Table) {
    let sinks: Vec<Sink> = (0..4).map(|_| Sink::start(files.known())).collect();
    let entries = sinks.iter().enumerate().map(|(number, sink)| sink.entry(&cloud(number)));
    let clouds = lab.folder.path().join("clouds.yaml");
    fs::write(&clouds, format!("clouds:\n{}", entries.collect::<String>())).unwrap();

    one_pass(lab, files, table);
    memory(lab, files, table);
    sparse(lab, files, table);
}

fn cloud(number: usize) -> String {
    format!("sink-{number}")
}

/// Whether the source is fetched once for two clouds.
fn one_pass(lab: &Lab, files: &Files, table: &mut Table) {
    let compressed = &files.compressed;
    let length = fs::metadata(&compressed.path).unwrap().len();
    let web = Web::start("packed.raw.xz", fs::read(&compressed.path).unwrap());
    let what =
        "two clouds at once from one xz URL: bytes read from the source, relative to its size";
    push(lab, &web.url, 2);
    let found = ratio(web.given(), length);
    table.one(what, &Goal::AtMost(1.0, 1.0), found, "");
}

/// The peak memory with one target, two, and four.
fn memory(lab: &Lab, files: &Files, table: &mut Table) {
    for targets in [1u8, 2, 4] {
        let what = format!("peak memory, {} MiB, targets: {targets}", files.full.bytes >> 20);
        let goal = Goal::AtMost(64.0 + 8.0 * f64::from(targets), 40.0);
        let run = push(lab, &files.full.path.display().to_string(), targets.into());
        table.one(&what, &goal, mib(&run), " MiB");
    }
}

/// A large file combined with a small one, before it and after it.
fn sparse(lab: &Lab, files: &Files, table: &mut Table) {
    let (large, small) = (&files.sparse, &files.full);
    let of = |image: &Image| push(lab, &image.path.display().to_string(), 1);
    let before = [(); 3].map(|()| of(small));
    let run = of(large);
    let after = [(); 3].map(|()| of(small));

    let speeds = |run: &Run, image: &Image| ratio(image.bytes, 1_000_000) / sending_seconds(run);
    let all = || before.iter().chain(&after);
    let found = speeds(&run, large);
    let ratios = all().map(|other| found / speeds(other, small)).collect();
    let name = format!("{} GiB sparse / {} MiB", large.bytes >> 30, small.bytes >> 20);
    table.speed("`imgpush push` of the sparse file while sending", Spread::of(vec![found]));
    table.ratio(&format!("{name}: MB/s"), &Goal::About(1.0, 0.1), Spread::of(ratios));
    let ratios = all().map(|other| mib(&run) / mib(other)).collect();
    table.ratio(&format!("{name}: peak memory"), &Goal::About(1.0, 0.1), Spread::of(ratios));
    let goal = Goal::AtMost(72.0, 40.0);
    let what = format!("peak memory, {} GiB sparse, targets: 1", large.bytes >> 30);
    table.one(&what, &goal, mib(&run), " MiB");
}

/// A push to `targets` of the sinks.
fn push(lab: &Lab, place: &str, targets: usize) -> Run {
    let mut command = lab.command(&lab.imgpush);
    command.env("OS_CLIENT_CONFIG_FILE", lab.folder.path().join("clouds.yaml"));
    command.args(["push", "--name", "bench", "--progress", "json"]);
    for number in 0..targets {
        command.args(["--cloud", &cloud(number)]);
    }
    succeed(command.arg(place))
}

fn mib(run: &Run) -> f64 {
    ratio(run.peak_kib, 1024)
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files and memory are far below 2^53")]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other as f64
}
