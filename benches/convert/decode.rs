//! Reading a qcow2 without writing it anywhere.

use std::path::Path;

use imgpush_benches::process::succeed;
use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::{Took, take_turns};
use imgpush_engine::disks::{Converted, ReadOptions};
use imgpush_engine::pool::Pool;
use imgpush_engine::source::{FileSource, Source as _};

use crate::disk::Disk;
use crate::lab::Lab;

pub(crate) fn measure(lab: &Lab, disk: &Disk, table: &mut Table) {
    for (method, image, goal) in
        [("zlib", &disk.zlib, Goal::AtMost(0.8, 0.7)), ("zstd", &disk.zstd, Goal::AtMost(1.0, 0.8))]
    {
        let qemu = || {
            let target = format!("driver=null-co,size={}", disk.bytes);
            let mut command = lab.command("qemu-img");
            command.args(["convert", "-n", "-f", "qcow2", "--target-image-opts"]);
            Took::from(&succeed(command.arg(image).arg(target)))
        };
        let pairs = take_turns(lab.pairs, || decode(image, disk.bytes), qemu);
        table.own(&format!("{method}: decoding alone, in this process"), &pairs);
        table.peer(&format!("{method}: `qemu-img convert` to null-co"), &pairs);
        let what = format!("decoding a qcow2 ({method}): wall / `qemu-img convert` to null-co");
        table.ratio(&what, &goal, pairs.spread(|own, peer| own.wall / peer.wall));
    }
}

fn decode(image: &Path, bytes: u64) -> Took {
    Took::of(|| {
        let source = Box::new(FileSource::open(image).unwrap());
        let mut disk = Converted::new(source, &ReadOptions::default()).unwrap();
        let pool = Pool::within(64 << 20);
        let mut found = 0;
        while let Some(chunk) = disk.next_chunk(&pool).unwrap() {
            found += chunk.len();
        }
        assert_eq!(found, bytes);
    })
}
