//! The main job from an empty folder or database to the end, against the real PostgreSQL of
//! `scripts/databases`.

use datastore_tests::{
    Backend, CLOSED, Client, FakeServer, Installation, LivePostgres, NASTY_PASSWORD, example,
    live_postgres, on_both_databases, with,
};
use serde_json::{Value, json};

/// The requirements' example, pointed at the real server.
fn example_at(postgres: &LivePostgres) -> Value {
    let place = json!({
        "server": postgres.host, "port": postgres.port, "username": postgres.username,
        "password": postgres.password, "database": postgres.database,
    });
    with(example(), place)
}

#[track_caller]
fn tested(client: &Client, path: &str, options: &Value) -> Value {
    client.post(&format!("{path}test-connection/"), options).expect(200).json()
}

#[track_caller]
fn assert_failure(result: &Value, step: &str, code: &str, word: &str) {
    assert_eq!(result["success"], false, "{result}");
    assert_eq!(result["error"], json!({"step": step, "code": code}), "{result}");
    assert_eq!(result["details"], Value::Null, "{result}");
    let message = result["message"].as_str().expect("a message").to_lowercase();
    assert!(message.contains(word), "{word} in {message}");
}

fn main_job_end_to_end(backend: Backend) {
    let postgres = live_postgres();
    assert_eq!(postgres.password, NASTY_PASSWORD, "the servers' password hurts");
    let installation = Installation::empty(backend);
    let server = installation.serve(&[]);
    let admin = match backend {
        // Made by the first start.
        Backend::Sqlite => server.admin(),
        Backend::Postgres => server.client("admin"),
    };
    let editor = server.client("editor");
    let matcher = server.client("matcher");

    // Create, read, test.
    let created = editor.create(&example_at(&postgres));
    let path = datastore_tests::path_of(&created);
    assert_eq!(created["password"], "***encrypted***");
    assert_eq!(server.client("viewer").get(&path).expect(200).json().get("server"), None);
    let result = tested(&editor, &path, &json!({}));
    assert_success(&result, &postgres);

    // By connection string as well.
    let string = json!({"name": "by string", "connection_string": postgres.url});
    let bare = ["server", "port", "username", "password", "database"];
    let body = datastore_tests::without(with(example_at(&postgres), string), &bare);
    let by_string = editor.create_at(&body);
    assert_success(&tested(&editor, &by_string, &json!({})), &postgres);

    // Assign, delete refused, release, delete.
    let dataset = format!("{path}current-datasets/orders/");
    let _ = matcher.put(&dataset, &json!({"name": "Orders"})).expect(201);
    let refused = editor.delete(&path).problem(409, "datastore_in_use");
    assert_eq!((&refused["count"], &refused["datasets"]), (&json!(1), &json!(["orders"])));
    let performance =
        server.client("viewer").get(&format!("{path}performance/")).expect(200).json();
    assert_eq!(
        (&performance["status"], &performance["observed"]["checks"]),
        (&json!("up"), &json!(1))
    );
    let _ = matcher.delete(&dataset).expect(204);
    let _ = editor.delete(&path).expect(204);
    editor.get(&path).problem(404, "not_found");
    let again = editor.create(&example_at(&postgres));
    assert_ne!(again["id"], created["id"]);
    let _ = admin.get(&datastore_tests::path_of(&again)).expect(200);
    let _ = server.terminate();
}

#[track_caller]
fn assert_success(result: &Value, postgres: &LivePostgres) {
    assert_eq!(result["success"], true, "{result}");
    assert_eq!(
        (&result["message"], &result["error"]),
        (&json!("Connection successful"), &Value::Null)
    );
    let details = &result["details"];
    let version = details["server_version"].as_str().expect("a version");
    let number = version.strip_prefix("PostgreSQL ").and_then(|rest| rest.split('.').next());
    assert!(number.is_some_and(|n| n.parse::<u32>().is_ok()), "{version}");
    assert_eq!(details["database_name"], *postgres.database);
    assert!(result["response_time_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{result}");
    let steps = result["steps"].as_array().expect("steps");
    assert!(steps.len() == 5 && steps.iter().all(|step| step["ok"] == true), "{result}");
    assert_eq!(
        (&steps[2]["used"], &steps[3]["required"]),
        (&json!(true), &json!(true)),
        "{result}"
    );
}

fn failures_of_the_real_server_are_told_apart(backend: Backend) {
    let postgres = live_postgres();
    let installation = Installation::new(backend);
    let server = installation.serve(&[]);
    let editor = server.client("editor");
    let silent = FakeServer::silent();
    let (host, port) = CLOSED;
    for (at, (members, options, expected)) in [
        (
            json!({"password": "wrong"}),
            json!({}),
            ("authenticate", "authentication_failed", "password"),
        ),
        (
            json!({"username": "nobody"}),
            json!({}),
            ("authenticate", "authentication_failed", "password"),
        ),
        (
            json!({"database": "no_such"}),
            json!({}),
            ("authenticate", "database_not_found", "database"),
        ),
        (
            json!({"server": host, "port": port}),
            json!({}),
            ("connect", "connection_refused", "refused"),
        ),
        (
            json!({"port": silent.port()}),
            json!({"timeout_ms": 100}),
            ("tls", "timeout", "timed out"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = json!({"name": format!("n{at}")});
        let path = editor.create_at(&with(with(example_at(&postgres), members), name));
        let result = tested(&editor, &path, &options);
        let (step, code, word) = expected;
        assert_failure(&result, step, code, word);
        let observed = editor.get(&format!("{path}performance/")).expect(200).json();
        assert_eq!(observed["status"], "down");
        assert_eq!(observed["observed"]["last_check"]["error"], result["error"]);
    }
    // A rotated password: written anew, the test goes well.
    let wrong = json!({"name": "rotated", "password": "old"});
    let path = editor.create_at(&with(example_at(&postgres), wrong));
    assert_eq!(tested(&editor, &path, &json!({}))["success"], false);
    let _ = editor.patch(&path, &json!({"password": postgres.password})).expect(200);
    assert_success(&tested(&editor, &path, &json!({})), &postgres);
}

on_both_databases!(main_job_end_to_end, failures_of_the_real_server_are_told_apart);
