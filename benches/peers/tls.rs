//! The cost of TLS: client and service encrypt and decrypt on the same cores.

use crate::files::Files;
use crate::lab::Lab;
use crate::service::Service;
use imgpush_benches::sink::Sink;
use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::{Took, take_turns};

pub(crate) fn measure(lab: &Lab, files: &Files, table: &mut Table) {
    let image = &files.full;
    let plain = Sink::start(files.known());
    let certificate = lab.folder.path().join("certificate.pem");
    let encrypted = Sink::start_tls(files.known(), certificate);
    let (plain, encrypted) = (Service::of_sink(&plain), Service::of_sink(&encrypted));
    let own = || Took::from(&encrypted.imgpush(lab, image));
    let pairs = take_turns(lab.pairs, own, || Took::from(&plain.imgpush(lab, image)));
    table.own("`imgpush push` over TLS", &pairs);
    let name = format!("{} MiB to a null sink over TLS: wall / without TLS", image.bytes >> 20);
    let wall = |own: &Took, peer: &Took| own.wall / peer.wall;
    table.ratio(&name, &Goal::AtMost(1.12, 1.05), pairs.spread(wall));
}
