//! Verified downloads from a real Glance, compared with receiving alone, and from a null server, compared with
//! hashing alone.

use crate::bound;
use crate::files::Files;
use crate::lab::Lab;
use crate::service::Service;
use imgpush_benches::sink::Sink;
use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::{Took, take_turns};

pub(crate) fn measure(lab: &Lab, files: &Files, table: &mut Table) {
    null(lab, files, table);
    real(lab, files, table);
}

fn wall(own: &Took, peer: &Took) -> f64 {
    own.wall / peer.wall
}

fn null(lab: &Lab, files: &Files, table: &mut Table) {
    let image = &files.full;
    let sink = Sink::start(files.known());
    let service = Service::of_sink(&sink);
    let id = service.imgpush(lab, image).stdout.trim().to_owned();
    let file = lab.folder.path().join("downloaded.raw");
    let own = || Took::from(&service.imgpush_pull(lab, &id, &file));
    let bound = || Took { wall: bound::seconds(lab, image.bytes), cpu: 0.0 };
    let pairs = take_turns(lab.pairs, own, bound);
    table.own("`imgpush pull` from a null server", &pairs);
    let name = format!(
        "{} MiB from a null server to a file, verified: wall / the slower of MD5 and SHA-512 alone",
        image.bytes >> 20
    );
    table.ratio(&name, &Goal::AtMost(1.08, 1.02), pairs.spread(wall));
    std::fs::remove_file(&file).unwrap();
}

fn real(lab: &Lab, files: &Files, table: &mut Table) {
    let image = &files.full;
    let name = |what: &str| {
        format!("{} MiB from a real Glance to a file, verified: {what}", image.bytes >> 20)
    };
    let Some(service) = Service::of_environment() else {
        return table.left_out(&name("all"), "no OS_* variables and TESTCLOUD_IMAGE_URL");
    };
    let token = service.token(lab);
    let id = service.imgpush(lab, image).stdout.trim().to_owned();
    let file = lab.folder.path().join("downloaded.raw");
    let own = || Took::from(&service.imgpush_pull(lab, &id, &file));

    let curl =
        take_turns(lab.pairs, own, || Took::from(&service.curl_save(lab, &token, &id, &file)));
    table.own("`imgpush pull` from a real Glance", &curl);
    table.peer("`curl -o` from a real Glance, which checks nothing", &curl);
    table.ratio(&name("wall / `curl -o`"), &Goal::AtMost(1.08, 1.02), curl.spread(wall));

    let save = take_turns(lab.pairs, own, || Took::from(&service.openstack_save(lab, &id, &file)));
    table.peer("`openstack image save` from a real Glance", &save);
    table.ratio(
        &name("wall / `openstack image save`"),
        &Goal::AtMost(0.38, 0.34),
        save.spread(wall),
    );

    service.remove(lab, &token, &id);
    std::fs::remove_file(&file).unwrap();
}
