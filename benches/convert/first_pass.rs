//! The first pass over a raw disk, which finds the clusters of zeros. Clusters are not compressed, since that
//! takes most of the time otherwise.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::{Took, take_turns};
use imgpush_engine::disks::write::{ClusterCompression, Qcow2Source, WriteOptions};
use imgpush_engine::source::FileSource;

use crate::lab::Lab;

/// One MiB of this many has data.
const DATA_EVERY: u64 = 4;

pub(crate) fn measure(lab: &Lab, mib: u64, table: &mut Table) {
    let file = lab.path("allocated.raw");
    write(&file, mib);
    let cat = || Took::from(&lab.shell(&[], "cat \"$1\" > /dev/null", &[&file]));
    let pairs = take_turns(lab.pairs, || first_pass(&file), cat);
    let what = format!("first pass over {mib} MiB without holes, {} MiB of data", mib / DATA_EVERY);
    table.own(&format!("{what}, in this process"), &pairs);
    table.peer(&format!("`cat` of {mib} MiB"), &pairs);
    let wall = pairs.spread(|own, peer| own.wall / peer.wall);
    table.ratio(&format!("{what}: wall / `cat`"), &Goal::AtMost(1.25, 1.1), wall);
}

fn first_pass(file: &Path) -> Took {
    Took::of(|| {
        let raw = Box::new(FileSource::open(file).unwrap());
        let options = WriteOptions::default().with_compression(ClusterCompression::None);
        Qcow2Source::prepare(raw, &options, &mut |_| {}).unwrap();
    })
}

/// Writes all blocks of the file, so that it has no holes.
fn write(file: &Path, mib: u64) {
    let mut file = File::create(file).unwrap();
    let (data, zeros) = (vec![7; 1 << 20], vec![0; 1 << 20]);
    for number in 0..mib {
        file.write_all(if number.is_multiple_of(DATA_EVERY) { &data } else { &zeros }).unwrap();
    }
}
