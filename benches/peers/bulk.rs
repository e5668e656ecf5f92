//! Many images in one process, compared with clients that push one after another.

use std::path::PathBuf;

use imgpush_benches::process::Run;
use imgpush_digest::Algorithm;
use imgpush_engine::pool::Pool;
use imgpush_engine::sink;
use imgpush_engine::source::FileSource;
use serde_json::Value;
use tokio::runtime::Builder;

use crate::files::{Image, copies, small};
use crate::lab::Lab;
use crate::service::Service;
use crate::workers::Workers;
use imgpush_benches::machine::Look;
use imgpush_benches::sink::Sink;
use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::{Took, take_turns};

/// The size of a measurement.
struct Amount {
    /// Pairs of runs per row.
    pairs: usize,
    /// Pairs with the slowest peer, which uses one process per image.
    slow_pairs: usize,
    /// MiB of each of [`REAL_IMAGES`].
    real_mib: u64,
    /// MiB of each of [`NULL_IMAGES`].
    null_mib: u64,
}

const FULL: Amount = Amount { pairs: 5, slow_pairs: 3, real_mib: 128, null_mib: 256 };
const QUICK: Amount = Amount { pairs: 3, slow_pairs: 1, real_mib: 32, null_mib: 64 };

const REAL_IMAGES: usize = 8;
const NULL_IMAGES: usize = 16;
const SMALL_IMAGES: u64 = 300;
const SMALL_MIB: u64 = 16;

pub(crate) fn measure(lab: &Lab, is_quick: bool, table: &mut Table) {
    let amount = if is_quick { QUICK } else { FULL };
    let before = Look::now();
    null(lab, &amount, table);
    memory_and_requests(lab, table);
    println!("{}", before.until_now());
    real(lab, &amount, table);
}

/// Pushes to a real Glance, which also hashes, on the same cores.
fn real(lab: &Lab, amount: &Amount, table: &mut Table) {
    let (files, image) = copies(lab.folder.path(), "real", amount.real_mib, REAL_IMAGES);
    let mib = image.bytes >> 20;
    let name = |what: &str| format!("{REAL_IMAGES} × {mib} MiB to a real Glance, verified: {what}");
    let Some(service) = Service::of_environment() else {
        return table.left_out(&name("all"), "no OS_* variables and TESTCLOUD_IMAGE_URL");
    };
    let token = service.token(lab);
    let remove = |ids: &[String]| ids.iter().for_each(|id| service.remove(lab, &token, id));
    let workers = Workers::of_environment();
    let mut server_cpu = Vec::new();
    let mut own = || {
        let before = workers.cpu();
        let run = service.imgpush_batch(lab, &files, &[]);
        server_cpu.push((workers.cpu() - before).as_secs_f64());
        remove(&verified_ids(&run));
        Took::from(&run)
    };
    let wall = |own: &Took, peer: &Took| own.wall / peer.wall;
    let cpu = |own: &Took, peer: &Took| own.cpu / peer.cpu;

    let sdk = take_turns(amount.pairs, &mut own, || {
        let run = service.sdk(lab, &files);
        remove(&lines(&run));
        Took::from(&run)
    });
    let what = format!("{REAL_IMAGES} images to a real Glance:");
    table.own(&format!("{what} `imgpush push`"), &sdk);
    table.peer(&format!("{what} `create_image` with `validate_checksum`, one process"), &sdk);
    table.ratio(&name("wall / SDK"), &Goal::AtMost(0.70, 0.58), sdk.spread(wall));

    let openstack = take_turns(amount.slow_pairs, &mut own, || {
        let runs = files.iter().map(|file| {
            let run = service.openstack(lab, file);
            remove(&lines(&run));
            Took::from(&run)
        });
        runs.fold(Took { wall: 0.0, cpu: 0.0 }, |sum, run| Took {
            wall: sum.wall + run.wall,
            cpu: sum.cpu + run.cpu,
        })
    });
    table.peer(&format!("{what} `openstack image create`, one process each"), &openstack);
    let goal = Goal::AtMost(0.33, 0.28);
    table.ratio(&name("wall / `openstack image create`"), &goal, openstack.spread(wall));
    let goal = Goal::AtMost(0.16, 0.10);
    table.ratio(&name("CPU / `openstack image create`"), &goal, openstack.spread(cpu));

    server_cpu.sort_by(f64::total_cmp);
    let floor = server_cpu[server_cpu.len() / 2] / 2.0;
    table.one("minimum time of Glance's own hashing on two cores", &Goal::None, floor, " s");
    let goal = Goal::AtMost(1.25, 1.12);
    table.ratio(&name("wall / that minimum"), &goal, openstack.spread(|own, _| own.wall / floor));
}

/// Pushes to a service that does not hash.
fn null(lab: &Lab, amount: &Amount, table: &mut Table) {
    let (files, image) = copies(lab.folder.path(), "null", amount.null_mib, NULL_IMAGES);
    let sink = Sink::start([image.known()]);
    let service = Service::of_sink(&sink);
    let jobs = NULL_IMAGES.to_string();
    let push = |jobs: &str| Took::from(&service.imgpush_batch(lab, &files, &["--jobs", jobs]));
    let mib = image.bytes >> 20;
    let name =
        |what: &str| format!("{NULL_IMAGES} × {mib} MiB to a null sink, MD5+SHA-512: {what}");

    let single = take_turns(amount.pairs, || push(&jobs), || push("1"));
    let what = format!("{NULL_IMAGES} images to a null sink: `imgpush push --jobs");
    table.own(&format!("{what} {jobs}`"), &single);
    table.peer(&format!("{what} 1`, each by the fused kernel"), &single);
    let goal = Goal::AtMost(0.6, 0.4);
    table.ratio(&name("wall / one after another"), &goal, single.spread(|a, b| a.wall / b.wall));

    let kernel = take_turns(amount.pairs, || push(&jobs), || fused(&files));
    table.peer("the fused kernel alone, one image after another, nothing sent", &kernel);
    let goal = Goal::AtMost(0.30, 0.25);
    table.ratio(&name("wall / fused kernel alone"), &goal, kernel.spread(|a, b| a.wall / b.wall));
    let goal = Goal::AtMost(0.45, 0.40);
    table.ratio(&name("CPU / fused kernel alone"), &goal, kernel.spread(|a, b| a.cpu / b.cpu));
}

/// Reads and hashes files as a push of one image does, and discards the data.
fn fused(files: &[PathBuf]) -> Took {
    let runtime = Builder::new_current_thread().build().unwrap();
    let pool = Pool::within(64 << 20);
    Took::of(|| {
        for file in files {
            let source = Box::new(FileSource::open(file).unwrap());
            let draining = sink::drain(source, &pool, &[Algorithm::Md5, Algorithm::Sha512]);
            assert_eq!(runtime.block_on(draining).unwrap().0.digests.iter().count(), 2);
        }
    })
}

/// Hundreds of images: the peak memory, and the cost of a repeated run.
fn memory_and_requests(lab: &Lab, table: &mut Table) {
    let (files, sizes) = small(lab.folder.path(), SMALL_IMAGES, SMALL_MIB);
    let known: Vec<String> = sizes.iter().map(Image::known).collect();
    let name = format!("{SMALL_IMAGES} images of 1 to {SMALL_MIB} MiB");
    for jobs in [1u32, 8, 32] {
        let sink = Sink::start(known.clone());
        let run =
            Service::of_sink(&sink).imgpush_batch(lab, &files, &["--jobs", &jobs.to_string()]);
        assert_eq!(verified_ids(&run).len(), files.len());
        let peak = f64::from(u32::try_from(run.peak_kib).unwrap()) / 1024.0;
        let goal = Goal::AtMost(64.0 + 8.0 * f64::from(jobs), 48.0);
        table.one(&format!("peak memory, {name}, jobs: {jobs}"), &goal, peak, " MiB");
    }

    let sink = Sink::start(known);
    let service = Service::of_sink(&sink);
    let again = ["--if-exists", "skip"];
    let first = verified_ids(&service.imgpush_batch(lab, &files, &again));
    let before = service.requests(lab);
    let second = service.imgpush_batch(lab, &files, &again);
    let requests = u32::try_from(service.requests(lab) - before).unwrap();
    let (mut first, mut second) = (first, verified_ids(&second));
    first.sort();
    second.sort();
    assert_eq!(first, second, "the second run has other images");
    let found = f64::from(requests) / f64::from(u32::try_from(files.len()).unwrap());
    let what = format!("requests per image, {name}, verified before");
    table.one(&what, &Goal::AtMost(2.0, 1.0), found, "");
}

/// The ids of the verified images of a batch.
fn verified_ids(run: &Run) -> Vec<String> {
    let reports = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let verified_ids = reports.filter(|report| report["verified"] == true);
    verified_ids.map(|report| report["id"].as_str().unwrap().to_owned()).collect()
}

fn lines(run: &Run) -> Vec<String> {
    run.stdout.lines().map(str::to_owned).collect()
}
