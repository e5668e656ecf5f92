//! A raw disk that is written as a compressed qcow2, from file to file.

use imgpush_benches::process::succeed;
use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::{Took, take_turns};

use crate::disk::Disk;
use crate::lab::{Lab, remove};

const QEMU: [&str; 5] = ["-f", "raw", "-O", "qcow2", "-c"];

pub(crate) fn measure(lab: &Lab, disk: &Disk, table: &mut Table) {
    let (own_file, peer_file) = (lab.path("own.qcow2"), lab.path("peer.qcow2"));
    let rows: [(&str, &str, &[&str], Goal); 3] = [
        ("zlib", "", &[], Goal::AtMost(0.4, 0.3)),
        ("zlib", " -W -m 8", &["-W", "-m", "8"], Goal::AtMost(0.75, 0.6)),
        (
            "zstd",
            " -o compression_type=zstd",
            &["-o", "compression_type=zstd"],
            Goal::AtMost(0.7, 0.5),
        ),
    ];
    for (method, options, arguments, goal) in rows {
        let own = || {
            remove(&own_file);
            let mut command = lab.command(&lab.imgpush);
            command.args(["convert", "--quiet", "--compress", method]);
            Took::from(&succeed(command.arg(&disk.raw).arg(&own_file)))
        };
        let arguments = [&QEMU, arguments].concat();
        let qemu = || lab.qemu_img(&arguments, &disk.raw, &peer_file);
        let pairs = take_turns(lab.pairs, own, qemu);
        let what = format!("raw to qcow2 ({method})");
        table.own(&format!("{what}: `imgpush convert`"), &pairs);
        table.peer(&format!("{what}: `qemu-img convert -c{options}`"), &pairs);
        let wall = pairs.spread(|own, peer| own.wall / peer.wall);
        table.ratio(&format!("{what}: wall / `qemu-img convert -c{options}`"), &goal, wall);
        if options.is_empty() {
            let size = |file: &std::path::Path| file.metadata().unwrap().len() as f64;
            let ratio = size(&own_file) / size(&peer_file);
            let what = format!("{what}: size / `qemu-img convert -c`");
            table.one(&what, &Goal::AtMost(1.03, 1.0), ratio, "");
        }
    }
    remove(&own_file);
    remove(&peer_file);
}
