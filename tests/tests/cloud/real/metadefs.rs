//! `imgpush image metadef` does and prints the same as `openstack image metadef` in a real cloud.

use imgpush_scene::{RealCloud, Run, imgpush};
use serde_json::{Value, json};

const ADMIN: &str = "testcloud-admin";
const MEMBER: &str = "testcloud";

/// Runs `imgpush image metadef …`.
fn run(cloud: &str, arguments: &[&str]) -> Run {
    let metadef = ["image", "metadef"];
    Run::of(imgpush().args(metadef).args(arguments).args(["--cloud", cloud]).output().unwrap())
}

/// What it prints.
fn ours(cloud: &str, arguments: &[&str]) -> String {
    let run = run(cloud, arguments);
    assert_eq!(run.code, Some(0), "{arguments:?}: {run:?}");
    run.stdout
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What openstackclient prints.
fn theirs(real: &RealCloud, cloud: &str, arguments: &[&str]) -> String {
    real.openstack_prints(cloud, &[&["image", "metadef"], arguments].concat())
}

/// Compares the JSON of both, and returns it.
fn alike(real: &RealCloud, cloud: &str, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["-f", "json"]].concat();
    let printed = parsed(&ours(cloud, &arguments));
    assert_eq!(printed, parsed(&theirs(real, cloud, &arguments)), "{arguments:?}");
    printed
}

/// A record of a creation without the times and the name, which differ.
fn without(keys: &[&str], text: &str) -> Value {
    let mut record = parsed(text);
    record.as_object_mut().unwrap().retain(|key, _| !keys.contains(&&**key));
    record
}

fn unique(name: &str) -> String {
    format!("{name}-{}", uuid::Uuid::new_v4())
}

#[test]
fn definitions_are_printed_alike() {
    let real = RealCloud::from_environment();
    let (name, other) = (unique("Alike"), unique("Alike"));
    let times = ["created_at", "updated_at", "namespace", "namespace_name"];

    // Both create the same.
    let create = |namespace| {
        let texts = ["--display-name", "A name, é", "--description", "A \"text\""];
        let flags = ["--public", "--unprotected", "-f", "json"];
        [&["namespace", "create", namespace][..], &texts, &flags].concat()
    };
    let [a, b] = [ours(ADMIN, &create(&name)), theirs(&real, ADMIN, &create(&other))];
    assert_eq!(without(&times, &a), without(&times, &b));
    assert_eq!(parsed(&a)["namespace"], json!(name));
    let object = |namespace| ["object", "create", "--namespace", namespace, "o", "-f", "json"];
    let [a, b] = [ours(ADMIN, &object(&name)), theirs(&real, ADMIN, &object(&other))];
    assert_eq!(without(&times, &a), without(&times, &b));
    let property = |namespace| {
        let schema = "{\"enum\": [\"a\", \"b\"], \"default\": \"a\", \"description\": \"D\", \
                      \"operators\": [\"<or>\"], \"pattern\": \"^.$\"}";
        let options = ["--name", "p", "--title", "P", "--type", "string", "--schema", schema];
        [&["property", "create", namespace][..], &options, &["-f", "json"]].concat()
    };
    let [a, b] = [ours(ADMIN, &property(&name)), theirs(&real, ADMIN, &property(&other))];
    assert_eq!(parsed(&a), parsed(&b));
    let association = |namespace| {
        let target = ["OS::Cinder::Volume", "--properties-target", "image", "-f", "json"];
        [&["resource", "type", "association", "create", namespace][..], &target].concat()
    };
    let [a, b] = [ours(ADMIN, &association(&name)), theirs(&real, ADMIN, &association(&other))];
    assert_eq!(without(&times, &a), without(&times, &b));
    ours(ADMIN, &["namespace", "set", &name, "--tag", "one"]);

    // Both print the same, to administrators and to others.
    for cloud in [ADMIN, MEMBER] {
        let namespace = alike(&real, cloud, &["namespace", "show", &name]);
        assert_eq!(namespace["display_name"], json!("A name, é"));
        assert_eq!(namespace["tags"], json!([{"name": "one"}]));
        assert_eq!(namespace["resource_type_associations"], json!(["OS::Cinder::Volume"]));
        alike(&real, cloud, &["object", "show", &name, "o"]);
        let objects = alike(&real, cloud, &["object", "list", &name]);
        assert_eq!(objects, json!([{"name": "o", "description": null}]));
        let property = alike(&real, cloud, &["property", "show", &name, "p"]);
        assert_eq!(property["enum"], json!(["a", "b"]));
        alike(&real, cloud, &["property", "list", &name]);
        alike(&real, cloud, &["resource", "type", "association", "list", &name]);
        alike(&real, cloud, &["namespace", "show", &name, "-c", "tags", "-c", "owner"]);
    }
    let volumes = ["namespace", "list", "--resource-types", "OS::Cinder::Volume"];
    let listed = alike(&real, MEMBER, &[&volumes[..], &["--visibility", "public"]].concat());
    assert!(listed.as_array().unwrap().contains(&json!({"namespace": name})), "{listed}");
    let types = parsed(&ours(MEMBER, &["resource", "type", "list", "-f", "json"]));
    assert!(types.as_array().unwrap().contains(&json!({"Name": "OS::Cinder::Volume"})));
    for format in ["value", "csv", "yaml"] {
        let list = ["property", "list", &name, "-f", format];
        let [a, b] = [ours(MEMBER, &list), theirs(&real, MEMBER, &list)];
        assert_eq!(a.trim_end(), b.trim_end(), "{format}");
    }

    assert_eq!(run(MEMBER, &["namespace", "delete", &name]).code, Some(20));

    // Both exit with a failure for the same reasons. `namespace set` of openstackclient makes the namespace private
    // nevertheless.
    for arguments in [
        &["namespace", "show", "None"][..],
        &["namespace", "create", &name],
        &["namespace", "delete", "None"],
        &["namespace", "set", &name, "--tag", "one"],
        &["namespace", "unset", &name, "--tag", "none"],
        &["namespace", "list", "--visibility", "shared"],
        &["object", "show", &name, "none"],
        &["object", "property", "show", &name, "o", "none"],
        &["object", "delete", &name, "none"],
        &["property", "show", &name, "none"],
        &["property", "set", &name, "none", "--title", "T"],
        &["property", "delete", &name, "none"],
        &["resource", "type", "association", "list", "None"],
        &["resource", "type", "association", "delete", &name, "None"],
    ] {
        assert_eq!(run(ADMIN, arguments).code, Some(21), "{arguments:?}");
        refused(&real, arguments);
    }

    // Both delete the same.
    ours(ADMIN, &["property", "delete", &name, "p"]);
    ours(ADMIN, &["object", "delete", &name]);
    ours(ADMIN, &["namespace", "unset", &name, "--tag", "one"]);
    let association = ["resource", "type", "association"];
    ours(ADMIN, &[&association[..], &["delete", &name, "OS::Cinder::Volume"]].concat());
    for list in [&["property", "list", &name][..], &["object", "list", &name]] {
        assert_eq!(alike(&real, ADMIN, list), json!([]));
    }
    alike(&real, ADMIN, &["namespace", "show", &name]);
    ours(ADMIN, &["namespace", "delete", &name, &other]);
    let left = parsed(&theirs(&real, ADMIN, &["namespace", "list", "-f", "json"]));
    for name in [name, other] {
        assert!(!left.as_array().unwrap().contains(&json!({"namespace": name})), "{left}");
    }
}

/// Runs openstackclient as an administrator, which must end with an error.
fn refused(real: &RealCloud, arguments: &[&str]) {
    real.openstack_refuses(ADMIN, &[&["image", "metadef"], arguments].concat());
}

/// openstackclient sends only the options of a change, and Glance resets the rest.
#[test]
fn a_change_keeps_what_openstackclient_loses() {
    let real = RealCloud::from_environment();
    let name = unique("Kept");
    let create = ["namespace", "create", &name, "--description", "Text", "--public"];
    ours(ADMIN, &[&create[..], &["--protected"]].concat());
    let before = alike(&real, ADMIN, &["namespace", "show", &name]);
    ours(ADMIN, &["namespace", "set", &name, "--display-name", "A name"]);
    let mut expected = before;
    expected["display_name"] = json!("A name");
    let mut after = alike(&real, ADMIN, &["namespace", "show", &name]);
    after["updated_at"] = expected["updated_at"].clone();
    assert_eq!(after, expected);

    let create = ["property", "create", &name, "--name", "p", "--title", "P", "--type", "string"];
    let schema = "{\"minLength\": 2, \"readonly\": true}";
    ours(ADMIN, &[&create[..], &["--schema", schema]].concat());
    ours(ADMIN, &["property", "set", &name, "p", "--title", "Title"]);
    let show = ["property", "show", &name, "p", "-f", "json"];
    let mut shown = parsed(&ours(ADMIN, &show));
    let complete = json!({
        "name": "p", "title": "Title", "type": "string", "minLength": 2, "readonly": true,
    });
    assert_eq!(shown, complete);
    // openstackclient prints no attribute whose name in openstacksdk differs.
    shown.as_object_mut().unwrap().retain(|key, _| !["minLength", "readonly"].contains(&&**key));
    assert_eq!(shown, parsed(&theirs(&real, ADMIN, &show)));

    let association = ["resource", "type", "association"];
    ours(ADMIN, &[&association[..], &["create", &name, "OS::Glance::Image"]].concat());
    let delete = [&association[..], &["delete", &name, "OS::Glance::Image"]].concat();
    assert_eq!(run(ADMIN, &delete).code, Some(20));
    ours(ADMIN, &[&delete[..], &["--force"]].concat());
    let after = alike(&real, ADMIN, &["namespace", "show", &name]);
    assert_eq!((&after["protected"], &after["description"]), (&json!(true), &json!("Text")));
    assert_eq!(after.get("resource_type_associations"), None);
    ours(ADMIN, &["namespace", "set", &name, "--unprotected"]);
    ours(ADMIN, &["namespace", "delete", &name]);
}

#[test]
fn names_that_glance_does_not_find_are_refused() {
    let real = RealCloud::from_environment();
    let namespace = unique("Names");
    ours(ADMIN, &["namespace", "create", &namespace]);
    for name in ["ü", "a/b"] {
        let create = ["property", "create", &namespace, "--name", name, "--title", "T"];
        let create = [&create[..], &["--type", "string", "--schema", "{}"]].concat();
        assert_eq!(run(ADMIN, &create).code, Some(2), "{name}");
        // openstackclient creates it, and neither program can show it.
        theirs(&real, ADMIN, &create);
        let show = ["property", "show", &namespace, name];
        assert_eq!(run(ADMIN, &show).code, Some(21), "{name}");
        refused(&real, &show);
    }
    ours(ADMIN, &["property", "delete", &namespace]);
    ours(ADMIN, &["namespace", "delete", &namespace]);
}
