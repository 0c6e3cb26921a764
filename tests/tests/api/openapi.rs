//! The OpenAPI document: what is served, what is checked in, and what is tested.

use crate::access::OPERATIONS;
use datastore_tests::TestServer;
use serde_json::Value;

/// Operations of a document as `METHOD path`.
fn operations(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().expect("paths");
    let mut operations = Vec::new();
    for (path, item) in paths {
        for method in ["get", "put", "post", "delete", "patch", "head", "options", "trace"] {
            if item.get(method).is_some() {
                operations.push(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    operations.sort_unstable();
    operations
}

/// The document as it is derived from the handlers.
pub(crate) fn derived() -> Value {
    serde_json::from_str(datastore_http::openapi_json()).expect("the document is JSON")
}

#[test]
fn the_document_that_is_checked_in_is_the_one_that_is_derived() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        checked_in == datastore_http::openapi_json(),
        "docs/openapi.json is out of date; refresh it with: \
         cargo run -p datastore-api -- openapi > docs/openapi.json"
    );
}

#[test]
fn the_document_and_its_page_are_served_without_a_token() {
    let server = TestServer::start();
    let document = server.anonymous.get("/openapi.json").expect(200);
    assert_eq!(document.header("content-type"), Some("application/json"));
    assert_eq!(document.text(), datastore_http::openapi_json());
    let page = server.anonymous.get("/docs").expect(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    // The page works without a network.
    assert!(
        page.header("content-security-policy").is_some_and(|p| p.contains("default-src 'none'"))
    );
    assert!(!page.text().contains("https://"), "the page loads from elsewhere");
}

#[test]
fn t25_every_operation_has_a_test() {
    let mut tested: Vec<_> =
        OPERATIONS.iter().map(|o| format!("{} {}", o.method, o.path)).collect();
    tested.sort_unstable();
    let documented = operations(&derived());
    assert_eq!(tested, documented, "the table in access.rs and the OpenAPI document differ");
    let required = [
        "GET /api/v1/datastores/",
        "POST /api/v1/datastores/",
        "GET /api/v1/datastores/types/",
        "GET /api/v1/datastores/{id}/",
        "PUT /api/v1/datastores/{id}/",
        "PATCH /api/v1/datastores/{id}/",
        "DELETE /api/v1/datastores/{id}/",
        "POST /api/v1/datastores/{id}/test-connection/",
        "GET /api/v1/datastores/{id}/current-datasets/",
        "GET /api/v1/datastores/{id}/performance/",
    ];
    for operation in required {
        assert!(documented.iter().any(|d| d == operation), "{operation}");
    }
}

#[test]
fn the_audit_knows_the_actions_that_the_document_names() {
    let server = TestServer::start();
    let document = derived();
    let named = document["components"]["schemas"]["Action"]["enum"].as_array().cloned();
    let named = named.expect("a list of names");
    assert!(named.iter().any(|name| name == "token_revoke"), "{named:?}");
    for name in named {
        let name = name.as_str().expect("text");
        let _ = server.admin.get(&format!("/api/v1/audit/?action={name}")).expect(200);
    }
}

/// Collects every `$ref` below `value`.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn the_document_hangs_together() {
    let document = derived();
    assert!(document["openapi"].as_str().is_some_and(|v| v.starts_with("3.1")));
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a reference inside the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut ids = Vec::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            ids.extend(operation["operationId"].as_str());
            assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()));
        }
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "operation ids are unique");
}

/// Collects the members that `schema` names, by itself or through the schemas it is made of.
fn properties(document: &Value, schema: &Value, found: &mut Vec<String>) {
    found.extend(schema["properties"].as_object().into_iter().flat_map(|o| o.keys().cloned()));
    if let Some(pointer) = schema["$ref"].as_str().and_then(|r| r.strip_prefix('#')) {
        properties(document, document.pointer(pointer).expect("a schema"), found);
    }
    for member in ["allOf", "oneOf"] {
        let parts = schema[member].as_array().into_iter().flatten();
        parts.for_each(|part| properties(document, part, found));
    }
}

#[test]
fn answers_have_the_members_that_the_document_names() {
    let server = TestServer::start();
    let document = derived();
    let named = |schema: &str| {
        let mut names = Vec::new();
        properties(&document, &document["components"]["schemas"][schema], &mut names);
        assert!(!names.is_empty(), "no schema {schema}");
        names.sort_unstable();
        names
    };
    let members = |value: &Value| {
        let object = value.as_object().expect("an object");
        let mut names: Vec<_> = object.keys().cloned().collect();
        names.sort_unstable();
        names
    };
    let path = server.editor.create_at(&datastore_tests::example());
    assert_eq!(members(&server.editor.get(&path).json()), named("Datastore"));
    let performance = server.viewer.get(&format!("{path}performance/")).json();
    assert_eq!(members(&performance), named("Performance"));
    let target = format!("{path}current-datasets/d/");
    let assigned = server.matcher.request("PUT", &target).send().expect(201).json();
    assert_eq!(members(&assigned), named("Assignment"));
    let mut problem = members(&server.editor.delete(&path).problem(409, "datastore_in_use"));
    problem.extend(["errors", "outcome"].map(str::to_owned));
    problem.sort_unstable();
    assert_eq!(problem, named("Problem"));
}
