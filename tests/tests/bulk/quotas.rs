//! Quotas of a project.

use imgpush_sandbox::Quota;
use imgpush_scene::Scene;

use super::images::sparse;
use super::scene::{MIB, has_exactly, push, reports, verified_reports};

const FIT: usize = 5;
const TOO_MANY: usize = 3;

/// The sandbox refuses an upload above the quota, as Glance does; no such attempt may happen.
pub(crate) fn concurrent_uploads_and_bytes_stay_within() {
    let quota =
        Quota::default().with_image_size_total(2 * FIT as i64).with_image_count_uploading(2);
    let scene = Scene::builder().sandbox(|options| options.with_quota(quota)).start_blocking();
    let files: Vec<_> =
        (0..FIT + TOO_MANY).map(|number| scene.path(format!("{number}.raw"))).collect();
    files.iter().for_each(|file| sparse(file, 2 * MIB));
    let run = scene.run_command(push(&scene, &files, &["--jobs", "8"]));
    let (reports, _) = reports(&run);

    assert_eq!(run.code, Some(27), "{run:?}");
    let refused: Vec<_> = reports.iter().filter(|report| report["verified"] == false).collect();
    assert_eq!(refused.len(), TOO_MANY, "{run:?}");
    for report in refused {
        assert_eq!(report["error"]["exit_code"], 21, "{run:?}");
        assert_eq!(report["error"]["record"], "none", "{run:?}");
        assert!(report["error"]["causes"].to_string().contains("image_size_total"), "{run:?}");
    }
    let verified_reports: Vec<_> =
        verified_reports(&run).into_iter().map(|report| report["source"].clone()).collect();
    let arrived: Vec<_> = files
        .iter()
        .filter(|file| verified_reports.contains(&file.to_str().unwrap().into()))
        .cloned()
        .collect();
    assert_eq!(arrived.len(), FIT, "{run:?}");
    has_exactly(&scene, &arrived, "within the quotas");
    let answers: Vec<_> = scene.uploads().iter().map(|upload| upload.status).collect();
    assert_eq!(answers, [Some(204); FIT], "{run:?}");
}
