//! Metadata definitions.

use imgpush_sandbox::{ADMIN, OTHER_USER, PROJECT_ID, USER};
use serde_json::{Value, json};

use crate::{Wire, words};

const NULL: Value = Value::Null;
const ALL: &str = "/v2/metadefs/namespaces";

#[tokio::test]
async fn a_namespace_is_visible_to_its_owner_or_to_all() {
    let wire = Wire::cloud().await;
    let (admin, user) = (wire.login(ADMIN).await, wire.login(USER).await);
    let other = wire.login(OTHER_USER).await;
    let refused = wire.call(&user, "POST", ALL, json!({"namespace": "n"})).await;
    assert!(refused.0 == 403 && words(&refused).contains("add_metadef_namespace"), "{refused:?}");
    let body = json!({"namespace": "n", "owner": PROJECT_ID, "protected": true});
    let (status, made) = wire.call(&admin, "POST", ALL, body.clone()).await;
    assert_eq!((status, &made["visibility"]), (201, &json!("private")));
    assert_eq!(wire.call(&admin, "POST", ALL, body).await.0, 409);
    let path = format!("{ALL}/n");
    assert_eq!(wire.call(&user, "GET", &path, NULL).await.0, 200);
    assert_eq!(wire.call(&other, "GET", &path, NULL).await.0, 404);
    assert_eq!(wire.show(&other, ALL).await["namespaces"], json!([]));
    assert_eq!(wire.call(&user, "DELETE", &path, NULL).await.0, 403);
    let refused = wire.call(&admin, "DELETE", &path, NULL).await;
    assert!(refused.0 == 403 && words(&refused).contains("is protected"), "{refused:?}");

    let body = json!({"namespace": "n", "visibility": "public"});
    assert_eq!(wire.call(&admin, "PUT", &path, body).await.0, 200);
    assert_eq!(wire.call(&other, "GET", &path, NULL).await.0, 200);
    assert_eq!(wire.call(&admin, "DELETE", &path, NULL).await.0, 204);
    assert_eq!(wire.call(&admin, "GET", &path, NULL).await.0, 404);
}

#[tokio::test]
async fn a_namespace_has_objects_properties_tags_and_resource_types() {
    let wire = Wire::cloud().await;
    let admin = wire.login(ADMIN).await;
    let property = json!({"title": "Cores", "type": "integer", "default": 2, "enum": ["1", "2"]});
    let body = json!({
        "namespace": "n",
        "objects": [{"name": "o", "properties": {"p": property}, "required": ["p"]}],
        "properties": {"q": property},
        "tags": [{"name": "t"}],
        "resource_type_associations": [{"name": "OS::Glance::Image", "prefix": "hw_"}],
    });
    assert_eq!(wire.call(&admin, "POST", ALL, body).await.0, 201);
    let shown = wire.show(&admin, &format!("{ALL}/n?resource_type=OS::Glance::Image")).await;
    let stored = json!({"title": "Cores", "type": "integer", "default": "2", "enum": ["1", "2"]});
    let mut named = stored.clone();
    named["name"] = "q".into();
    assert_eq!(shown["properties"], json!({"hw_q": named}));
    assert_eq!(shown["objects"][0]["properties"], json!({"hw_p": stored}));
    assert_eq!(shown["objects"][0]["required"], json!(["hw_p"]));
    assert_eq!(shown["tags"], json!([{"name": "t"}]));
    let objects = format!("{ALL}/n/objects");
    for wrong in ["limit=0", "limit=x", "sort_dir=up"] {
        let (status, _) = wire.call(&admin, "GET", &format!("{objects}?{wrong}"), NULL).await;
        assert_eq!(status, 400, "{wrong}");
    }

    for (table, name) in [("objects", "o"), ("properties", "q"), ("tags", "t")] {
        let (table, other) = (format!("{ALL}/n/{table}"), format!("{ALL}/n/{table}/other"));
        let part = format!("{table}/{name}");
        assert_eq!(wire.call(&admin, "GET", &part, NULL).await.0, 200, "{part}");
        let body = match table.ends_with("properties") {
            true => json!({"name": "other", "title": "T", "type": "string"}),
            false => json!({"name": "other"}),
        };
        assert_eq!(wire.call(&admin, "PUT", &part, body).await.0, 200, "{part}");
        assert_eq!(wire.call(&admin, "GET", &part, NULL).await.0, 404, "{part}");
        assert_eq!(wire.call(&admin, "DELETE", &other, NULL).await.0, 204, "{part}");
        assert_eq!(wire.call(&admin, "DELETE", &other, NULL).await.0, 404, "{part}");
        assert_eq!(wire.call(&admin, "DELETE", &table, NULL).await.0, 204, "{part}");
    }
    let types = format!("{ALL}/n/resource_types");
    assert_eq!(wire.call(&admin, "POST", &types, json!({"name": "OS::Nova::Server"})).await.0, 201);
    let one = format!("{types}/OS::Nova::Server");
    assert_eq!(wire.call(&admin, "DELETE", &one, NULL).await.0, 204);
    // The type itself stays known.
    let known = wire.show(&admin, "/v2/metadefs/resource_types").await;
    assert_eq!(known["resource_types"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_missing_namespace_has_the_message_of_the_call() {
    let wire = Wire::cloud().await;
    let admin = wire.login(ADMIN).await;
    let property = json!({"name": "x", "title": "T", "type": "string"});
    for (table, new, expected) in [
        ("objects", json!({"name": "x"}), "Metadata definition namespace=no was not found."),
        ("properties", property.clone(), "Namespace no not found"),
        ("tags", json!({"tags": []}), "Namespace no not found"),
        ("resource_types", json!({"name": "x"}), "Namespace no not found"),
    ] {
        let path = format!("{ALL}/no/{table}");
        let part = format!("{path}/x");
        let changed = if table == "tags" { json!({"name": "x"}) } else { new.clone() };
        let mut calls = vec![("GET", &path, NULL), ("POST", &path, new), ("DELETE", &part, NULL)];
        if table != "resource_types" {
            calls.extend([("GET", &part, NULL), ("PUT", &part, changed)]);
        }
        for (method, path, body) in calls {
            let refused = wire.call(&admin, method, path, body).await;
            assert!(refused.0 == 404 && words(&refused).contains(expected), "{method} {refused:?}");
        }
    }
}

#[tokio::test]
async fn tags_are_replaced_or_appended() {
    let wire = Wire::cloud().await;
    let admin = wire.login(ADMIN).await;
    wire.call(&admin, "POST", ALL, json!({"namespace": "n"})).await;
    let tags = format!("{ALL}/n/tags");
    let list = |names: &[&str]| {
        let tags: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        json!({"tags": tags})
    };
    assert_eq!(wire.call(&admin, "POST", &tags, list(&["a", "b"])).await.0, 201);
    assert_eq!(wire.call(&admin, "POST", &tags, list(&["c"])).await.0, 201);
    assert_eq!(wire.show(&admin, &tags).await, list(&["c"]));
    assert_eq!(wire.call(&admin, "POST", &format!("{tags}/d"), NULL).await.0, 201);
    assert_eq!(wire.call(&admin, "POST", &format!("{tags}/D"), NULL).await.0, 409);
    assert_eq!(wire.show(&admin, &tags).await, list(&["d", "c"]));
    assert_eq!(wire.call(&admin, "POST", &tags, list(&["e", "E"])).await.0, 409);
}

#[tokio::test]
async fn invalid_definitions_are_refused_with_the_reason() {
    let wire = Wire::cloud().await;
    let admin = wire.login(ADMIN).await;
    let bad_type = json!({"x": {"title": "T", "type": "nix"}});
    for (body, expected) in [
        (json!({}), "'namespace' is a required property"),
        (json!({"namespace": 5}), "5 is not of type 'string'"),
        (json!({"namespace": "x".repeat(81)}), "is too long"),
        (json!({"namespace": "n", "visibility": "shared"}), "is not one of ['public', 'private']"),
        (json!({"namespace": "n", "more": 1}), "('more' was unexpected)"),
        (json!({"namespace": "n", "properties": bad_type}), "'nix' is not one of ['array'"),
    ] {
        let refused = wire.call(&admin, "POST", ALL, body).await;
        assert!(refused.0 == 400 && words(&refused).contains(expected), "{refused:?}");
    }
    let refused = wire.call(&admin, "POST", ALL, json!({"namespace": "n", "visibility": 1})).await;
    let expected = "1 is not of type 'string'\n\nFailed validating 'type' in \
                    schema['properties']['visibility']:\n    {'type': 'string',\n     \
                    'description': 'Scope of namespace accessibility.',\n     'enum': ['public', \
                    'private']}\n\nOn instance['visibility']:\n    1";
    assert!(words(&refused).contains(expected), "{refused:?}");
    assert_eq!(wire.call(&admin, "POST", ALL, json!({"namespace": "n"})).await.0, 201);
    let object =
        json!({"name": "o", "properties": {"p": {"title": "T", "type": "string", "x": 1}}});
    let refused = wire.call(&admin, "POST", &format!("{ALL}/n/objects"), object).await;
    assert!(refused.0 == 400 && words(&refused).contains("('x' was unexpected)"), "{refused:?}");
    assert_eq!(wire.call(&admin, "POST", &format!("{ALL}/n/tags"), json!({})).await.0, 500);
    let refused = wire.call(&admin, "POST", ALL, json!({"namespace": "n", "self": "x"})).await;
    assert!(refused.0 == 403 && words(&refused).contains("read-only"), "{refused:?}");
}
