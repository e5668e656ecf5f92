//! `imgpush image` and its subcommands.

use imgpush_sandbox::{ADMIN, Fault, OTHER_PROJECT_ID, OTHER_USER, Operation, Quota};
use imgpush_scene::Scene;

use super::Transcript;

/// Records the runs of `imgpush image` in a scene.
struct ImageTranscript<'a> {
    scene: &'a Scene,
    transcript: Transcript,
}

impl<'a> ImageTranscript<'a> {
    fn in_scene(scene: &'a Scene) -> Self {
        ImageTranscript { scene, transcript: Transcript::new() }
    }

    fn run(&mut self, arguments: &[&str]) {
        self.transcript.run(self.scene, &[&["image"], arguments].concat());
    }

    /// As a table and as JSON.
    fn run_both(&mut self, arguments: &[&str]) {
        self.run(arguments);
        self.run(&[arguments, &["-f", "json"]].concat());
    }

    fn compare(self, name: &str) {
        self.transcript.compare(&format!("image_{name}"), self.scene.folder.path());
    }
}

/// A scene with an image `disk` that is active, and one `queued` that has no data.
fn scene() -> Scene {
    let scene = Scene::start_blocking();
    scene.file("disk.raw", 300_000);
    assert_eq!(
        scene.run(&["push", "disk.raw", "--property", "os_distro=ubuntu", "--tag", "lts"]).code,
        Some(0)
    );
    assert_eq!(scene.run(&["image", "create", "queued", "--disk-format", "raw"]).code, Some(0));
    scene
}

#[test]
fn list_and_show() {
    let scene = scene();
    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run_both(&["list"]);
    runs.run_both(&["list", "--long"]);
    runs.run(&["list", "-f", "csv"]);
    // Whether YAML quotes an id depends on its digits.
    runs.run(&["list", "-f", "yaml", "-c", "Name", "-c", "Status"]);
    runs.run(&["list", "-f", "value", "-c", "Name"]);
    runs.run(&["list", "--name", "none"]);
    runs.run(&["list", "-c", "Colour"]);
    runs.compare("list");

    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run_both(&["show", "disk"]);
    let columns =
        ["-c", "name", "-c", "size", "-c", "tags", "-c", "properties", "-c", "created_at"];
    runs.run(&[&["show", "disk", "-f", "yaml"], &columns[..]].concat());
    runs.run(&["show", "disk", "--max-width", "80"]);
    runs.run_both(&["show", "queued"]);
    runs.run(&["show", "none"]);
    runs.run(&["show", "disk", "-c", "colour"]);
    runs.run(&["find", "disk"]);
    runs.run(&["find", "none"]);
    runs.compare("show");
}

#[test]
fn create_set_and_delete() {
    let scene = scene();
    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run(&["create", "one"]);
    runs.run(&["create", "two", "--property", "os_distro=ubuntu", "--protected", "-f", "json"]);
    runs.run(&["create", "three", "--file", "disk.raw"]);
    runs.run(&["create", "four", "--file", "none.raw"]);
    runs.run(&["create", "five", "--property", "name=six"]);
    runs.compare("create");

    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run(&[
        "set",
        "one",
        "--name",
        "uno",
        "--min-ram",
        "512",
        "--property",
        "os_version=24.04",
    ]);
    runs.run(&["set", "uno"]);
    runs.run(&["set", "uno", "--property", "checksum=0"]);
    runs.run(&["set", "none", "--tag", "lts"]);
    runs.run(&["unset", "uno", "--property", "os_version"]);
    runs.run(&["unset", "uno", "--tag", "none"]);
    runs.run(&["deactivate", "disk"]);
    runs.run(&["reactivate", "disk"]);
    runs.run(&["deactivate", "queued"]);
    runs.compare("set");

    scene.run(&["image", "create", "twice"]);
    scene.run(&["image", "create", "twice"]);
    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run(&["delete", "uno", "three"]);
    runs.run(&["delete", "two"]);
    runs.run(&["delete", "none", "queued"]);
    runs.run(&["delete", "disk", "--store", "slow"]);
    runs.run(&["delete", "twice"]);
    runs.compare("delete");
}

#[test]
fn save_stage_and_import() {
    let scene = scene();
    scene.file("other.raw", 200_000);
    scene.write("overlay.qcow2", [&b"QFI\xfb\0\0\0\x03"[..], &[0; 500]].concat());
    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run(&["save", "disk", "--file", "copy.raw"]);
    runs.run(&["save", "disk", "--file", "copy.raw", "--json"]);
    runs.run(&["save", "disk", "--file", "copy.raw", "--no-overwrite"]);
    runs.run(&["save", "queued", "--file", "queued.raw"]);
    runs.run(&["save", "none", "--file", "none.raw"]);
    runs.compare("save");

    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run(&["stage", "queued", "--file", "none.raw"]);
    runs.run(&["stage", "queued", "--file", "overlay.qcow2"]);
    runs.run(&["stage", "queued", "--file", "overlay.qcow2", "--json"]);
    runs.run(&["stage", "queued", "--file", "other.raw"]);
    runs.run(&["stage", "queued", "--file", "other.raw"]);
    scene.run(&["image", "create", "second", "--disk-format", "raw"]);
    runs.run(&["stage", "second", "--file", "other.raw", "--json"]);
    runs.compare("stage");

    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run(&["import", "disk"]);
    runs.run_both(&["import", "info"]);
    runs.run(&["import", "queued", "--method", "web-download"]);
    runs.run(&["import", "queued", "--wait", "-c", "name", "-c", "status", "-c", "size"]);
    scene.sandbox().inject(Operation::Import, Fault::ImportFails);
    runs.run(&["import", "second", "--wait"]);
    runs.compare("import");

    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run_both(&["tasks", "queued"]);
    runs.run(&["tasks", "second"]);
    runs.run(&["task", "list"]);
    runs.compare("tasks");
}

#[test]
fn usage() {
    let quota = Quota::default().with_image_size_total(1000).with_image_count_total(20);
    let scene = Scene::builder().sandbox(|options| options.with_quota(quota)).start_blocking();
    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run_both(&["usage"]);
    runs.compare("usage");
}

#[test]
fn members_and_tags() {
    let scene = scene();
    let project = OTHER_PROJECT_ID;
    for (name, user) in [("other", OTHER_USER), ("admin", ADMIN)] {
        scene.add_cloud(&scene.cloud_entry(name, user));
    }
    let id = scene.run(&["image", "find", "disk", "--cloud", "mycloud"]).stdout;
    let mine = |arguments: &[&'static str]| [arguments, &["--cloud", "mycloud"]].concat();
    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run(&mine(&["member", "add", "disk", project]));
    runs.run(&mine(&["member", "add", "disk", project]));
    runs.run_both(&mine(&["member", "list", "disk"]));
    runs.run_both(&mine(&["member", "show", "disk", project]));
    runs.run(&["member", "accept", id.trim(), project, "--cloud", "other"]);
    runs.run(&["member", "reject", id.trim(), project, "--cloud", "other", "-f", "json"]);
    runs.run(&["member", "pending", id.trim(), project, "--cloud", "other", "-f", "value"]);
    runs.run(&mine(&["members", "disk"]));
    runs.run(&mine(&["member", "remove", "disk", project]));
    runs.run(&mine(&["member", "remove", "disk", project]));
    runs.run(&mine(&["set", "disk", "--accept"]));
    runs.compare("member");

    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run(&mine(&["tag", "add", "disk", "noble", "b c"]));
    runs.run(&mine(&["tag", "remove", "disk", "noble"]));
    runs.run(&mine(&["tag", "remove", "disk", "noble"]));
    runs.compare("tag");

    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run_both(&mine(&["stores"]));
    runs.run(&mine(&["stores", "--detail"]));
    runs.run(&["stores", "--detail", "--cloud", "admin"]);
    runs.run_both(&mine(&["import-info"]));
    runs.compare("service");

    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run(&mine(&["cache", "list"]));
    runs.run(&["cache", "queue", id.trim(), "--cloud", "admin"]);
    runs.run(&["cache", "list", "--cloud", "admin"]);
    runs.run(&["cache", "list", "--cloud", "admin", "-f", "json"]);
    runs.run(&["cache", "delete", id.trim(), "--cloud", "admin"]);
    runs.run(&["cache", "clear", "--cloud", "admin"]);
    runs.compare("cache");
}

#[test]
fn metadata_definitions() {
    let scene = Scene::start_blocking();
    scene.add_cloud(&scene.cloud_entry("admin", ADMIN));
    let admin =
        |arguments: &[&'static str]| [&["metadef"], arguments, &["--cloud", "admin"]].concat();
    let member =
        |arguments: &[&'static str]| [&["metadef"], arguments, &["--cloud", "mycloud"]].concat();
    let mut runs = ImageTranscript::in_scene(&scene);
    let create = ["namespace", "create", "NS", "--display-name", "A name"];
    runs.run(&member(&create));
    runs.run(&admin(&[&create[..], &["--public", "--protected"]].concat()));
    runs.run(&admin(&create));
    runs.run(&admin(&["namespace", "create", "Other", "-f", "json"]));
    runs.run_both(&admin(&["namespace", "list"]));
    runs.run(&member(&["namespace", "list", "-f", "csv"]));
    runs.run(&admin(&["namespace", "set", "NS", "--tag", "one", "--tag", "two"]));
    runs.run(&admin(&["namespace", "set", "NS", "--tag", "one", "--tag", "three"]));
    runs.run_both(&member(&["namespace", "show", "NS"]));
    runs.run(&member(&["namespace", "show", "Other"]));
    runs.run(&member(&["namespace", "show", "None"]));
    runs.run(&admin(&["namespace", "delete", "NS", "None", "Other"]));
    runs.compare("metadef_namespace");

    let mut runs = ImageTranscript::in_scene(&scene);
    let create = ["property", "create", "NS", "--name", "size", "--title", "Size", "--type"];
    runs.run(&admin(&[&create[..], &["integer", "--schema", "{\"minimum\": 1}"]].concat()));
    runs.run(&admin(&[&create[..], &["integer", "--schema", "{}"]].concat()));
    runs.run(&admin(&[&create[..], &["integer", "--schema", "[]"]].concat()));
    runs.run(&admin(&[&create[..], &["date", "--schema", "{}"]].concat()));
    runs.run_both(&member(&["property", "list", "NS"]));
    runs.run_both(&member(&["property", "show", "NS", "size"]));
    runs.run(&member(&["property", "show", "NS", "none"]));
    runs.run(&admin(&["property", "set", "NS", "size", "--title", "A size"]));
    runs.run(&admin(&["property", "delete", "NS", "size"]));
    runs.compare("metadef_property");

    let mut runs = ImageTranscript::in_scene(&scene);
    runs.run(&admin(&["object", "create", "--namespace", "NS", "o"]));
    runs.run(&admin(&["object", "create", "--namespace", "NS", "a/b"]));
    runs.run_both(&member(&["object", "list", "NS"]));
    runs.run_both(&member(&["object", "show", "NS", "o"]));
    runs.run(&member(&["object", "property", "show", "NS", "o", "p"]));
    runs.run(&member(&["object", "list", "None"]));
    runs.compare("metadef_object");

    let mut runs = ImageTranscript::in_scene(&scene);
    let association = ["resource", "type", "association"];
    let create = [&association[..], &["create", "NS", "OS::Glance::Image"]].concat();
    runs.run_both(&admin(&create));
    runs.run_both(&member(&[&association[..], &["list", "NS"]].concat()));
    runs.run_both(&member(&["resource", "type", "list"]));
    let delete = [&association[..], &["delete", "NS", "OS::Glance::Image"]].concat();
    runs.run(&admin(&delete));
    runs.run(&admin(&[&delete[..], &["OS::None", "--force"]].concat()));
    runs.compare("metadef_resource_type");
}
