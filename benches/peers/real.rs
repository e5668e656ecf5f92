//! Verified pushes to a real Glance, compared with sending alone.

use crate::files::Files;
use crate::lab::Lab;
use crate::service::Service;
use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::{Took, take_turns};

pub(crate) fn measure(lab: &Lab, files: &Files, table: &mut Table) {
    let image = &files.full;
    let name = format!("{} MiB to a real Glance, verified: wall / `curl -T`", image.bytes >> 20);
    let Some(service) = Service::of_environment() else {
        return table.left_out(&name, "no OS_* variables and TESTCLOUD_IMAGE_URL");
    };
    let token = service.token(lab);
    let own = || {
        let run = service.imgpush(lab, image);
        service.remove(lab, &token, run.stdout.trim());
        Took::from(&run)
    };
    let pairs = take_turns(lab.pairs, own, || {
        let id = service.record(lab, &token);
        let took = Took::from(&service.curl(lab, &token, &id, image));
        service.remove(lab, &token, &id);
        took
    });
    table.own("`imgpush push` to a real Glance", &pairs);
    table.peer("`curl -T` to a real Glance, which checks nothing", &pairs);
    table.ratio(&name, &Goal::AtMost(1.05, 1.0), pairs.spread(|own, peer| own.wall / peer.wall));
}
