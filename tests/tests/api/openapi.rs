//! The OpenAPI document: what is served, what is checked in, and what is tested.

use crate::access::{OPERATIONS, Operation, prepare};
use datastore_tests::{Client, TestServer, by_parts};
use serde_json::{Value, json};

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

/// An operation as the document has it.
fn described<'a>(document: &'a Value, operation: &Operation) -> &'a Value {
    &document["paths"][operation.path][operation.method.to_lowercase()]
}

#[test]
fn t25_the_document_names_the_roles_that_may() {
    let document = derived();
    for operation in &OPERATIONS {
        let what = format!("{} {}", operation.method, operation.path);
        let described = described(&document, operation);
        if operation.roles.is_empty() {
            assert_eq!(described["security"], json!([{}]), "{what}");
            assert_eq!(described["x-roles"], Value::Null, "{what}");
            continue;
        }
        // The token that the document asks for everywhere.
        assert_eq!(described["security"], Value::Null, "{what}");
        assert_eq!(described["x-roles"], json!(operation.roles), "{what}");
        let line = format!("Roles: {}.", operation.roles.join(", "));
        let description = described["description"].as_str().expect("text");
        assert!(description.ends_with(&line), "{what}: {description}");
    }
    assert_eq!(document["security"], json!([{"token": []}]));
}

/// The status that refuses `operation` at the target of a datastore that is there, when it is sent
/// in each wrong way there is for it.
fn refusals(server: &TestServer, operation: &Operation, described: &Value, name: &str) -> Vec<u16> {
    let target = prepare(server, operation, name);
    let send = |client: &Client, target: &str| client.request(operation.method, target);
    let has_parameter = |name: &str| {
        let parameters = described["parameters"].as_array();
        parameters.is_some_and(|all| all.iter().any(|parameter| parameter["name"] == name))
    };
    let mut found = vec![send(&server.admin, &format!("{target}?nope=1")).json(&json!({})).send()];
    if !operation.roles.is_empty() {
        found.push(send(&server.anonymous, &target).send());
    }
    for (role, client) in server.by_role() {
        if !operation.roles.is_empty() && !operation.roles.contains(&role) {
            found.push(send(client, &target).send());
        }
    }
    if operation.path.contains('{') {
        let nowhere = operation.path.replace("{id}", "999").replace("{dataset_id}", "d");
        found.push(send(&server.admin, &nowhere).send());
    }
    if has_parameter("page") {
        found.push(send(&server.admin, &format!("{target}?page=999")).send());
    }
    if has_parameter("deleted") {
        found.push(send(&server.viewer, &format!("{target}?deleted=true")).send());
    }
    if matches!(operation.method, "POST" | "PUT" | "PATCH") {
        let write = |media, size| {
            let request = send(&server.admin, &target).header("Content-Type", media);
            request.body(vec![b' '; size]).send()
        };
        found.extend([write("text/plain", 1), write("application/json", 256 * 1024 + 1)]);
    }
    if has_parameter("If-Match") {
        let stale = send(&server.admin, &target).header("If-Match", "\"99-c\"");
        let whole = if operation.method == "PUT" { by_parts(name) } else { json!({}) };
        found.push(match operation.method {
            "DELETE" => stale.send(),
            _ => stale.json(&whole).send(),
        });
    }
    found.iter().map(|answer| answer.status).collect()
}

#[test]
fn every_refusal_is_in_the_document_by_its_status() {
    let server = TestServer::start();
    let document = derived();
    for (row, operation) in OPERATIONS.iter().enumerate() {
        let what = format!("{} {}", operation.method, operation.path);
        let described = described(&document, operation);
        let statuses: Vec<_> = described["responses"].as_object().expect("some").keys().collect();
        let mut found = refusals(&server, operation, described, &format!("row-{row}"));
        // Those that need a fault of ours, and a server that limits requests or asks for
        // preconditions.
        found.push(500);
        if found.contains(&401) {
            found.push(429);
        }
        if operation.path != "/livez" {
            found.push(503);
        }
        if matches!(operation.method, "PUT" | "PATCH" | "DELETE") && found.contains(&412) {
            found.push(428);
        }
        for status in &found {
            assert!(*status >= 400, "{what}: {found:?}");
            assert!(statuses.contains(&&status.to_string()), "{what}: {status} is missing");
        }
        // And what is in the document is found, but for conflicts.
        for status in statuses.iter().filter_map(|status| status.parse().ok()) {
            let own = status < 400 || status == 409;
            assert!(own || found.contains(&status), "{what}: never {status}");
        }
    }
}

#[test]
fn the_bodies_of_put_and_patch_are_documented_apart() {
    let document = derived();
    let body = |method: &str, media: &str| {
        let body = &document["paths"]["/api/v1/datastores/{id}/"][method]["requestBody"];
        let schema = body["content"][media]["schema"]["$ref"].as_str().expect("a schema");
        schema.rsplit('/').next().expect("a name").to_owned()
    };
    let put = body("put", "application/json");
    assert_eq!(required(&document, &put), ["description", "name", "system", "type"]);
    for media in ["application/json", "application/merge-patch+json"] {
        assert_eq!(required(&document, &body("patch", media)), [""; 0], "{media}");
    }
}

#[test]
fn conflicts_are_in_the_document_with_their_codes() {
    let document = derived();
    let mut told = String::new();
    for operation in &OPERATIONS {
        told += described(&document, operation)["responses"]["409"]["description"]
            .as_str()
            .unwrap_or_default();
    }
    for code in [
        "name_taken",
        "datastore_in_use",
        "datastore_inactive",
        "dataset_assigned_elsewhere",
        "token_limit_reached",
    ] {
        assert!(told.contains(&format!("`{code}`")), "{code}");
    }
}

/// The members of a schema that every answer has.
fn required(document: &Value, schema: &str) -> Vec<String> {
    let names = document["components"]["schemas"][schema]["required"].as_array();
    let mut names: Vec<_> =
        names.into_iter().flatten().map(|name| name.as_str().expect("text").to_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn members_that_are_always_there_are_required() {
    let document = derived();
    let links = ["next", "previous", "results"];
    for page in ["DatastorePage", "EntryPage"] {
        assert_eq!(required(&document, page), links, "{page}");
    }
    for page in ["AssignmentPage", "AssignmentPeriodPage", "TokenPage"] {
        assert_eq!(required(&document, page), [&["count"], &links[..]].concat(), "{page}");
    }
    let problem = ["code", "detail", "instance", "status", "title", "type"];
    assert_eq!(required(&document, "Problem"), problem);
    let error = ["code", "detail", "field"];
    assert_eq!(required(&document, "FieldError"), error);
    // As they are answered.
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let members = |value: &Value| {
        let object = value.as_object().expect("an object");
        let mut names: Vec<_> = object.keys().cloned().collect();
        names.sort_unstable();
        names
    };
    let of = |client: &Client, target: &str| members(&client.get(target).expect(200).json());
    assert_eq!(of(&server.viewer, &path), required(&document, "Datastore"));
    assert_eq!(of(&server.admin, "/api/v1/datastores/?cursor="), links);
    assert_eq!(of(&server.admin, "/api/v1/audit/?cursor="), links);
    assert_eq!(of(&server.admin, "/api/v1/tokens/"), required(&document, "TokenPage"));
    assert_eq!(of(&server.admin, "/api/v1/tokens/1/"), required(&document, "Token"));
    let entry = &server.admin.get("/api/v1/audit/").json()["results"][0];
    assert_eq!(members(entry), required(&document, "HistoryEntry"));
    let problem = server.admin.get("/api/v1/tokens/99/").problem(404, "not_found");
    assert_eq!(members(&problem), required(&document, "Problem"));
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
    problem.extend(["errors", "outcome", "result"].map(str::to_owned));
    problem.sort_unstable();
    assert_eq!(problem, named("Problem"));
}
