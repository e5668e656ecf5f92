//! The CPU time of a short command with a login and one request.

use crate::lab::Lab;
use crate::service::Service;
use imgpush_benches::process::succeed;
use imgpush_benches::sink::Sink;
use imgpush_benches::table::{Goal, Table};

const RUNS: u32 = 50;

pub(crate) fn measure(lab: &Lab, table: &mut Table) {
    let sink = Sink::start([]);
    let service = Service::of_sink(&sink);
    let run = || succeed(service.command(lab, &lab.imgpush).args(["image", "list"])).cpu;
    run();
    let milliseconds = (0..RUNS).map(|_| run()).sum::<std::time::Duration>().as_secs_f64() * 1e3;
    let what = format!("`imgpush image list`, CPU per run, mean of {RUNS}");
    table.one(&what, &Goal::AtMost(5.0, 3.0), milliseconds / f64::from(RUNS), " ms");
}
