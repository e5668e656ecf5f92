//! Pushes to a service that discards the data, compared with those of the peers.

use crate::bound;
use crate::files::Files;
use crate::lab::Lab;
use crate::service::Service;
use imgpush_benches::sink::Sink;
use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::{Took, take_turns};

pub(crate) fn measure(lab: &Lab, files: &Files, table: &mut Table) {
    let sink = Sink::start(files.known());
    let service = Service::of_sink(&sink);
    let image = &files.full;
    let own = || Took::from(&service.imgpush(lab, image));
    let wall = |own: &Took, peer: &Took| own.wall / peer.wall;
    let cpu = |own: &Took, peer: &Took| own.cpu / peer.cpu;
    let name = |what: &str| format!("{} MiB to a null sink: {what}", image.bytes >> 20);

    let bound = || Took { wall: bound::seconds(lab, image.bytes), cpu: 0.0 };
    let bound = take_turns(lab.pairs, own, bound);
    table.peer(
        "the slower of MD5 and SHA-512 alone, each by the faster of imgpush and OpenSSL",
        &bound,
    );
    table.ratio(&name("wall / that bound"), &Goal::AtMost(1.08, 1.02), bound.spread(wall));

    let sdk = take_turns(lab.pairs, own, || Took::from(&service.sdk(lab, &[&image.path])));
    table.own("`imgpush push`", &sdk);
    table.peer("`create_image` with `validate_checksum`", &sdk);
    table.ratio(&name("wall / SDK with validation"), &Goal::AtMost(0.55, 0.45), sdk.spread(wall));
    table.ratio(&name("CPU / SDK with validation"), &Goal::AtMost(0.60, 0.48), sdk.spread(cpu));

    let glance = take_turns(lab.pairs, own, || Took::from(&service.glance(lab, image)));
    table.peer("`glance image-create`, which hashes nothing", &glance);
    table.ratio(
        &name("wall / `glance image-create`"),
        &Goal::AtMost(1.10, 1.02),
        glance.spread(wall),
    );

    let openstack = take_turns(lab.pairs, own, || Took::from(&service.openstack(lab, &image.path)));
    table.peer("`openstack image create`, which hashes nothing", &openstack);
    // It hashes nothing, so it may take less time than the hashes.
    let least = 1.08 * bound.spread(|_, bound| bound.wall).median
        / openstack.spread(|_, peer| peer.wall).median;
    let goal = Goal::AtMost(least.max(1.0), 0.80);
    table.ratio(&name("wall / `openstack image create`"), &goal, openstack.spread(wall));

    let token = service.token(lab);
    let curl = take_turns(lab.pairs, own, || {
        let id = service.record(lab, &token);
        Took::from(&service.curl(lab, &token, &id, image))
    });
    table.peer("`curl -T`, which hashes nothing and has no login", &curl);
    table.ratio(&name("wall / `curl -T`"), &Goal::None, curl.spread(wall));
}
