//! A qcow2 that is pushed as raw, to a service that discards the data.

use imgpush_benches::process::succeed;
use imgpush_benches::sink::Sink;
use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::{Took, take_turns};

use crate::disk::Disk;
use crate::lab::{Lab, remove};

pub(crate) fn measure(lab: &Lab, disk: &Disk, table: &mut Table) {
    let sink = Sink::start([disk.known.clone()]);
    let variables = sink.variables();
    let own = || {
        let mut command = lab.command(&lab.imgpush);
        command.envs(variables.iter().cloned());
        command.args(["push", "--quiet", "--name", "bench", "--convert", "raw"]).arg(&disk.zlib);
        Took::from(&succeed(&mut command))
    };
    let wall = |own: &Took, peer: &Took| own.wall / peer.wall;
    let name = |what: &str| format!("qcow2 (zlib) to a null sink as raw, verified: wall / {what}");

    let copy = lab.path("copy.raw");
    let scratch = take_turns(lab.pairs, own, || {
        remove(&copy);
        let line = "qemu-img convert -f qcow2 -O raw \"$2\" \"$3\"
                    \"$1\" push --quiet --name bench --disk-format raw \"$3\"";
        Took::from(&lab.shell(&variables, line, &[&lab.imgpush, &disk.zlib, &copy]))
    });
    remove(&copy);
    let what = "`qemu-img convert` to a file, and `imgpush push` of it";
    table.own("`imgpush push --convert raw`", &scratch);
    table.peer(what, &scratch);
    table.ratio(&name(what), &Goal::AtMost(0.5, 0.4), scratch.spread(wall));

    let what = "`nbdcopy` from `qemu-nbd`, into `imgpush push -`";
    if lab.has("nbdcopy") && lab.has("qemu-nbd") {
        let piped = take_turns(lab.pairs, own, || {
            let line = "nbdcopy -- [ qemu-nbd -r -f qcow2 \"$2\" ] - |
                        \"$1\" push --quiet --name bench --disk-format raw -";
            Took::from(&lab.shell(&variables, line, &[&lab.imgpush, &disk.zlib]))
        });
        table.peer(what, &piped);
        table.ratio(&name(what), &Goal::AtMost(0.55, 0.45), piped.spread(wall));
    } else {
        table.left_out(&name(what), "nbdcopy or qemu-nbd is missing (libnbd-bin, qemu-utils)");
    }

    let hashed = take_turns(lab.pairs, own, || {
        let mut command = lab.command(&lab.imgpush);
        Took::from(&succeed(command.args(["digest", "-a", "md5,sha512"]).arg(&disk.raw)))
    });
    let what = "`imgpush digest -a md5,sha512` of the raw disk";
    table.peer(what, &hashed);
    table.ratio(&name(what), &Goal::AtMost(1.10, 1.05), hashed.spread(wall));
}
