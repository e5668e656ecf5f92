//! Repeated pushes: concurrent ones, and ones after a killed run.

use std::path::Path;

use imgpush_client::{Image, Status};
use imgpush_scene::{Run, Side, pattern, sha512sum, spawn};
use imgpush_tests::proxy::{Fault, Requests};

use super::scene::{MIB, Proxied, notes};

const SKIP: [&str; 2] = ["--if-exists", "skip"];

/// The state of the service before a push.
#[derive(Clone, Copy, Debug)]
enum Before {
    Same,
    Other,
    HiddenSame,
    Queued,
}

impl Proxied {
    /// Another file of the same size as that of [`file`](Proxied::file).
    fn other_file(&self) -> std::path::PathBuf {
        let mut bytes = pattern(MIB as usize);
        bytes[7] ^= 1;
        self.scene.write("other.raw", bytes)
    }

    fn pushed(&self, file: &Path) -> String {
        let run = self.push(file, &[]);
        assert_eq!(run.code, Some(0), "{run:?}");
        run.json()["id"].as_str().unwrap().to_owned()
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Image)) {
        let client = &self.scene.client;
        self.scene.block_on(async {
            let mut image = client.image(id).await.unwrap();
            change(&mut image);
            client.commit(&image).await.unwrap();
        });
    }

    /// The only image in the list, which must have the content of the file.
    fn only(&self, file: &Path) -> Image {
        let images = self.images();
        assert_eq!(images.len(), 1, "{images:#?}\n{:#?}", self.image.journal());
        assert_eq!(images[0].status(), Status::Active);
        assert_eq!(images[0].hash_value(), Some(&*sha512sum(file)));
        images.into_iter().next().unwrap()
    }

    fn arrange(&self, before: Before, file: &Path) {
        match before {
            Before::Same => drop(self.pushed(file)),
            Before::Other => drop(self.pushed(&self.other_file())),
            Before::HiddenSame => {
                let id = self.pushed(file);
                self.change(&id, |image| image.set_hidden(true));
            }
            Before::Queued => drop(self.record()),
        }
    }
}

/// A word for the result of a run: `fails`, its action, or the suffix of the name that it chose.
fn outcome(scene: &Proxied, run: &Run) -> String {
    match run.code {
        Some(0) => {
            let report = run.json();
            assert_eq!(report["verified"], true, "{run:?}");
            let name = report["name"].as_str().unwrap();
            format!("{}{}", report["action"].as_str().unwrap(), &name[scene.name.len()..])
        }
        Some(21) => {
            run.says("an image named ");
            run.says("hint: --if-exists replace");
            "fails".to_owned()
        }
        _ => panic!("{run:?}"),
    }
}

pub(crate) fn every_mode_detects_identical_images(side: Side) {
    for (before, mode, expected) in [
        (Before::Same, "fail", "fails"),
        (Before::Same, "skip", "skipped"),
        (Before::Same, "rename", "skipped"),
        (Before::Same, "replace", "skipped"),
        (Before::Other, "skip", "fails"),
        (Before::Other, "rename", "pushed-2"),
        (Before::Other, "replace", "pushed"),
        (Before::HiddenSame, "skip", "pushed"),
        (Before::Queued, "fail", "fails"),
        (Before::Queued, "skip", "pushed"),
        (Before::Queued, "rename", "pushed-2"),
    ] {
        let scene = Proxied::new(side);
        let file = scene.file(MIB);
        scene.arrange(before, &file);
        let uploads = scene.sent().len();
        let run = scene.push(&file, &["--if-exists", mode]);
        assert_eq!(outcome(&scene, &run), expected, "{mode} where there is {before:?}: {run:?}");
        let is_sent = expected.starts_with("pushed");
        assert_eq!(scene.sent().len() - uploads, usize::from(is_sent), "{mode}, {before:?}");
    }
}

pub(crate) fn a_skip_costs_one_request(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(MIB);
    let first = scene.push(&file, &SKIP);
    let before = scene.image.journal().len();
    let run = scene.push(&file, &SKIP);
    assert_eq!((run.code, &run.json()["id"]), (Some(0), &first.json()["id"]), "{run:?}");
    let asked = scene.image.journal().split_off(before);
    assert_eq!(asked.len(), 1, "{asked:#?}");
    assert_eq!((&*asked[0].method, &*asked[0].path), ("GET", "/v2/images"));
}

pub(crate) fn replaced_images_are_retired_and_kept_ones_reported(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(MIB);
    let old = scene.pushed(&scene.other_file());
    scene.change(&old, |image| image.set_protected(true));
    let delete = ["--if-exists", "replace", "--replaced", "delete"];
    let run = scene.push(&file, &delete);
    assert_eq!((run.code, &run.json()["error"]["record"]), (Some(24), &"kept".into()), "{run:?}");
    run.says("hint: allow the deletion with");
    assert_eq!(scene.images().len(), 2);

    let again = scene.push(&file, &["--if-exists", "replace", "--replaced", "rename"]);
    assert_eq!((again.code, &again.json()["action"]), (Some(0), &"skipped".into()), "{again:?}");
    assert_eq!(again.json()["id"], run.json()["id"]);
    let renamed = scene.scene.block_on(scene.scene.client.image(&old)).unwrap();
    let made = renamed.created_at().unwrap().replace(['-', ':'], "");
    assert_eq!(renamed.name(), Some(&*format!("{}-{made}", scene.name)));
    scene.change(&old, |image| {
        image.set_name(&scene.name);
        image.set_protected(false);
    });
    let hidden = scene.push(&file, &["--if-exists", "replace"]);
    assert_eq!(hidden.json()["replaced"][0]["how"], "hidden", "{hidden:?}");
    scene.only(&file);
    scene.change(&old, |image| image.set_hidden(false));
    assert_eq!(scene.push(&file, &delete).code, Some(0));
    scene.only(&file);
    assert!(scene.scene.block_on(scene.scene.hidden_images()).is_empty());
}

pub(crate) fn concurrent_runs_create_one_image(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(4 * MIB);
    let running: Vec<_> =
        (0..8).map(|_| spawn(scene.push_command(file.to_str().unwrap(), &SKIP))).collect();
    let runs: Vec<Run> = running.into_iter().map(|running| scene.ended(running)).collect();
    let image = scene.only(&file);
    for run in &runs {
        assert_eq!((run.code, &run.json()["id"]), (Some(0), &image.id().into()), "{run:?}");
        assert_eq!(run.json()["verified"], true);
    }
    let pushed = runs.iter().filter(|run| run.json()["action"] == "pushed").count();
    assert_eq!((pushed, scene.sent().len()), (1, 1), "{runs:#?}");
}

/// Kills a push during the upload, without any chance to clean up.
fn killed(scene: &Proxied, file: &Path, meanwhile: impl FnOnce(&str)) -> String {
    scene.image.once(Requests::UPLOADS, Fault::Hold { after: 2 * MIB });
    let mut child = spawn(scene.push_command(file.to_str().unwrap(), &SKIP));
    let id = scene.receiving();
    meanwhile(&id);
    child.kill().unwrap();
    child.wait().unwrap();
    scene.image.resume();
    id
}

pub(crate) fn the_record_of_a_killed_run_is_left_and_named(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(4 * MIB);
    let id = killed(&scene, &file, |_| {});
    let run = scene.push(&file, &["--if-exists", "skip", "--wait-for-others", "1"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.json()["attempts"], 1, "{run:?}");
    assert_eq!(notes(&run, "passed-over"), 1, "{run:?}");
    run.says(&id);
    let made = run.json()["id"].as_str().unwrap().to_owned();
    assert_ne!(made, id, "nobody knows whether the other run still uploads to it");
    let left = scene.scene.block_on(scene.scene.client.image(&id)).unwrap();
    assert_eq!(left.status(), Status::Queued);
    scene.scene.block_on(scene.scene.client.delete(&id)).unwrap();
    assert_eq!(scene.only(&file).id(), made);
    let again = scene.push(&file, &SKIP);
    assert_eq!((&again.json()["id"], &again.json()["action"]), (&made.into(), &"skipped".into()));
}

pub(crate) fn an_upload_that_never_ends_is_not_touched(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(4 * MIB);
    scene.will_be_killed_during_upload(MIB);
    let id = killed(&scene, &file, |id| scene.kill_worker_of(id));
    let run = scene.push(&file, &["--if-exists", "skip", "--wait-for-others", "2"]);
    assert_eq!((run.code, &run.json()["error"]["record"]), (Some(25), &"none".into()), "{run:?}");
    run.says("of another run is still saving");
    run.says("hint: if no other command uploads to it, delete it");
    assert_eq!(scene.images()[0].status(), Status::Saving);
    scene.scene.block_on(scene.scene.client.delete(&id)).unwrap();
    let run = scene.push(&file, &SKIP);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_ne!(scene.only(&file).id(), id, "an id is never used twice");
}
