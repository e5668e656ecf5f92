//! Members, tags, tasks, stores, quotas, the cache.

use imgpush_sandbox::{ADMIN, OTHER_PROJECT_ID, OTHER_USER, PROJECT_ID};
use imgpush_scene::{Scene, sha512sum};
use serde_json::json;

use super::{create, image, json};
use crate::sources::serve;

/// A scene with two more clouds: `other`, another project, and `admin`.
fn scene() -> Scene {
    let scene = Scene::start_blocking();
    for (name, user) in [("other", OTHER_USER), ("admin", ADMIN)] {
        scene.add_cloud(&scene.cloud_entry(name, user));
    }
    scene
}

fn mine<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--cloud", "mycloud"]].concat()
}

fn other<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--cloud", "other"]].concat()
}

fn admin<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--cloud", "admin"]].concat()
}

#[test]
fn an_image_is_shared_and_accepted() {
    let scene = scene();
    let id = create(&scene, &mine(&["n", "--shared"]));
    let project = OTHER_PROJECT_ID;
    let shared = json(&scene, &mine(&["member", "add", "n", project]));
    assert_eq!(shared["status"], "pending");
    assert_eq!((&shared["image_id"], &shared["member_id"]), (&json!(id), &json!(project)));
    image(&scene, 21, &mine(&["add", "project", "n", project]));

    let listed = |status| json!([{"Image ID": id, "Member ID": project, "Status": status}]);
    assert_eq!(json(&scene, &mine(&["members", "n"])), listed("pending"));
    image(&scene, 0, &other(&["set", &id, "--accept"]));
    assert_eq!(json(&scene, &mine(&["member", "list", "n"])), listed("accepted"));
    let seen = image(&scene, 0, &other(&["list", "-f", "value", "-c", "ID"]));
    assert_eq!(seen.stdout, format!("{id}\n"));
    let rejected = json(&scene, &other(&["member", "reject", &id, project]));
    assert_eq!(rejected["status"], "rejected");
    image(&scene, 0, &other(&["set", &id, "--pending", "--project", project]));
    assert_eq!(json(&scene, &mine(&["member", "get", "n", project]))["status"], "pending");

    image(&scene, 0, &mine(&["remove", "project", "n", project]));
    image(&scene, 21, &mine(&["member", "remove", "n", project]));
    assert_eq!(json(&scene, &mine(&["members", "n"])), json!([]));
    let run = image(&scene, 2, &mine(&["set", "n", "--accept"]));
    assert!(run.stderr.contains("hint: name the project with --project PROJECT"), "{}", run.stderr);
}

#[test]
fn projects_have_names_and_domains() {
    let scene = scene();
    // An administrator may look up every project.
    let id = create(&scene, &admin(&["n", "--shared", "--project", "other"]));
    assert_eq!(scene.record(&id)["owner"], OTHER_PROJECT_ID);
    let owner = ["--project", "demo", "--project-domain", "Default"];
    image(&scene, 0, &admin(&[&["set", "n"], &owner[..]].concat()));
    assert_eq!(scene.record(&id)["owner"], PROJECT_ID);
    let shared = json(&scene, &admin(&["member", "add", "n", "other"]));
    assert_eq!(shared["member_id"], OTHER_PROJECT_ID);
    image(&scene, 0, &admin(&["set", "n", "--accept", "--project", "other"]));
    let member = ["member", "get", "n", "other", "--project-domain", "default"];
    assert_eq!(json(&scene, &admin(&member))["status"], "accepted");
    image(&scene, 0, &admin(&["remove", "project", "n", "other"]));
    let listed =
        image(&scene, 0, &admin(&["list", "--project", "demo", "-f", "value", "-c", "ID"]));
    assert_eq!(listed.stdout, format!("{id}\n"));
    let run = image(&scene, 21, &admin(&["set", "n", "--project", "nobody"]));
    run.says("no project has the name or id nobody");
    assert_eq!(scene.record(&id)["owner"], PROJECT_ID, "nothing is changed");
    image(&scene, 21, &admin(&["list", "--project", "demo", "--project-domain", "nowhere"]));

    // Keystone shows a member only the own project. Another text is used as an id.
    let listed = image(&scene, 0, &mine(&["list", "--project", "demo", "-f", "value", "-c", "ID"]));
    assert_eq!(listed.stdout, format!("{id}\n"));
    let shared = json(&scene, &mine(&["member", "add", "n", OTHER_PROJECT_ID]));
    assert_eq!(shared["member_id"], OTHER_PROJECT_ID);
    image(&scene, 2, &mine(&["list", "--project-domain", "Default"]));
}

#[test]
fn tags_come_and_go() {
    let scene = Scene::start_blocking();
    let id = create(&scene, &["n"]);
    image(&scene, 0, &["tag", "add", "n", "a", "b c"]);
    image(&scene, 0, &["tag", "add", "n", "a", "with/slash"]);
    assert_eq!(json(&scene, &["show", "n"])["tags"], json!(["a", "b c", "with/slash"]));
    image(&scene, 0, &["tag", "remove", "n", "with/slash", "a"]);
    image(&scene, 21, &["tag", "remove", "n", "a"]);
    image(&scene, 21, &["tag", "remove", "n", "no/such"]);
    assert_eq!(scene.record(&id)["tags"], json!(["b c"]));
    image(&scene, 2, &["tag", "add", "n"]);
}

#[test]
fn an_image_is_closed_and_opened() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    create(&scene, &["n", "--file", "disk.img"]);
    let status = || image(&scene, 0, &["show", "n", "-f", "value", "-c", "status"]).stdout;
    image(&scene, 0, &["deactivate", "n"]);
    assert_eq!(status(), "deactivated\n");
    image(&scene, 0, &["set", "n", "--activate"]);
    assert_eq!(status(), "active\n");
    image(&scene, 0, &["set", "n", "--deactivate"]);
    image(&scene, 0, &["reactivate", "n"]);
    assert_eq!(status(), "active\n");
}

#[test]
fn the_service_tells_stores_quotas_and_tasks() {
    let scene = scene();
    let stores = json(&scene, &mine(&["stores"]));
    assert_eq!(stores[0]["ID"], "fast");
    assert_eq!(stores[0]["Default"], true);
    assert_eq!(stores[1]["Default"], json!(null));
    assert_eq!(json(&scene, &mine(&["stores", "list"])), stores);
    image(&scene, 20, &mine(&["stores", "--detail"]));
    let detail = json(&scene, &admin(&["stores", "--detail"]));
    assert!(detail[0]["Properties"].is_object(), "{detail}");

    image(&scene, 0, &mine(&["usage", "-f", "csv"]));
    scene.file("disk.img", 5000);
    create(&scene, &mine(&["n"]));
    image(&scene, 0, &mine(&["stage", "n", "--file", "disk.img"]));
    image(&scene, 0, &mine(&["import", "n", "--wait", "--store", "slow"]));
    let tasks = json(&scene, &mine(&["tasks", "n"]));
    assert_eq!(
        (&tasks[0]["Type"], &tasks[0]["Status"]),
        (&json!("api_image_import"), &json!("success"))
    );
    image(&scene, 20, &mine(&["task", "list"]));
    let id = tasks[0]["ID"].as_str().unwrap();
    let all = json(&scene, &admin(&["task", "list", "--limit", "1"]));
    assert_eq!(all[0]["ID"], id);
    let shown = json(&scene, &admin(&["task", "show", id]));
    assert_eq!((&shown["id"], &shown["status"]), (&json!(id), &json!("success")));
}

#[test]
fn the_cache_is_for_administrators() {
    let scene = scene();
    scene.file("disk.img", 5000);
    let id = create(&scene, &mine(&["n", "--file", "disk.img", "--community"]));
    image(&scene, 20, &mine(&["cache", "list"]));
    image(&scene, 0, &admin(&["cache", "queue", &id]));
    let listed = json(&scene, &admin(&["cache", "list"]));
    assert_eq!(listed[0]["ID"], id);
    image(&scene, 21, &admin(&["cache", "queue", "nowhere"]));
    image(&scene, 0, &admin(&["cache", "delete", &id]));
    image(&scene, 0, &admin(&["cache", "clear", "--queue"]));
    assert_eq!(json(&scene, &admin(&["cache", "list"])), json!([]));
}

#[test]
fn a_location_is_added_and_listed() {
    let scene = Scene::start_blocking();
    let url = format!("http://{}/d.img", serve(&scene.file("d.img", 700)));
    let hash = sha512sum(scene.path("d.img"));
    create(&scene, &["remote"]);
    let added = json(&scene, &["location", "add", "remote", &url, "--hash-value", &hash, "--wait"]);
    assert_eq!(added["status"], json!("active"));
    assert_eq!(added["properties"]["os_hash_value"], json!(hash));

    create(&scene, &["other"]);
    let wrong = "0".repeat(128);
    image(&scene, 24, &["location", "add", "other", &url, "--hash-value", &wrong, "--wait"]);
    assert_eq!(json(&scene, &["show", "other"])["status"], json!("queued"));

    scene.add_cloud(&scene.cloud_entry("admin", ADMIN));
    for list in [&["locations", "remote"][..], &["location", "list", "remote"]] {
        let listed = json(&scene, &[list, &["--os-cloud", "admin"]].concat());
        assert_eq!(listed[0]["URL"], json!(url));
    }
    // By policy only services and administrators may read them.
    let run = image(&scene, 20, &["locations", "remote", "--os-cloud", "mycloud"]);
    assert!(run.stderr.contains("cannot list locations of remote"), "{}", run.stderr);
}
