//! The cost of a third digest, for which a second core has time.

use crate::files::Files;
use crate::lab::Lab;
use crate::service::Service;
use imgpush_benches::process::succeed;
use imgpush_benches::sink::Sink;
use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::{Took, take_turns};

pub(crate) fn measure(lab: &Lab, files: &Files, table: &mut Table) {
    let image = &files.full;
    let mib = image.bytes >> 20;
    let goal = Goal::AtMost(1.05, 1.02);
    let wall = |three: &Took, two: &Took| three.wall / two.wall;

    let digest = |algorithms: &str| {
        let mut command = lab.command(&lab.imgpush);
        Took::from(&succeed(command.args(["digest", "-a", algorithms]).arg(&image.path)))
    };
    let pairs = take_turns(lab.pairs, || digest("md5,sha512,sha256"), || digest("md5,sha512"));
    let what =
        format!("{mib} MiB, `imgpush digest` of MD5, SHA-512 and SHA-256: wall / without SHA-256");
    table.ratio(&what, &goal, pairs.spread(wall));

    let sink = Sink::start(files.known());
    let service = Service::of_sink(&sink);
    let published = format!("sha256:{}", image.sha256);
    let checked = || Took::from(&service.imgpush_with(lab, image, &["--checksum", &published]));
    let pairs = take_turns(lab.pairs, checked, || Took::from(&service.imgpush(lab, image)));
    let what = format!("{mib} MiB to a null sink with a published SHA-256: wall / without it");
    table.ratio(&what, &goal, pairs.spread(wall));
}
