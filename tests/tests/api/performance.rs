//! `GET /api/v1/datastores/{id}/performance/`

use crate::create::assert_members;
use crate::test_connection::redis;
use datastore_tests::{CLOSED, TestServer, by_parts, by_string, example, with};
use serde_json::{Value, json};

const MEMBERS: [&str; 8] = [
    "datastore_id",
    "status",
    "window",
    "declared",
    "observed",
    "capacity",
    "assigned_datasets",
    "series",
];

#[test]
fn what_is_unknown_is_null_and_never_zero() {
    let server = TestServer::start();
    let created = server.editor.create(&example());
    let path = datastore_tests::path_of(&created);
    let answer = server.viewer.get(&format!("{path}performance/")).expect(200);
    let top: Vec<_> = answer.json().as_object().expect("an object").keys().cloned().collect();
    let mut expected = MEMBERS.to_vec();
    expected.sort_unstable();
    assert_eq!(top, expected);
    let nothing = json!({"avg": null, "p50": null, "p95": null, "p99": null, "max": null});
    let expected = json!({
        "datastore_id": created["id"],
        "status": "unknown",
        "window": "24h",
        "declared": {"max_connections": 100, "avg_response_time_ms": 15.2, "storage_capacity_gb": 1000},
        "observed": {
            "checks": 0, "failures": 0, "availability": null, "response_time_ms": nothing,
            "last_check": null,
        },
        "capacity": {"connections": {"used": null, "max": null}, "storage": {"used_gb": null, "total_gb": null}},
        "assigned_datasets": 0,
        "series": [],
    });
    assert_eq!(answer.json(), expected);
}

#[test]
fn tests_are_counted() {
    let server = TestServer::start();
    let redis = redis("pw-of-redis", "7.0.15");
    let string = format!("redis://:pw-of-redis@127.0.0.1:{}", redis.port());
    let path = server.editor.create_at(&by_string("a", "redis", &string));
    let target = format!("{path}test-connection/");
    for _ in 0..3 {
        let tested = server.editor.post(&target, &json!({})).expect(200).json();
        assert_eq!(tested["success"], true, "{tested}");
    }
    let up = server.viewer.get(&format!("{path}performance/?window=1h")).expect(200);
    let seen = up.json();
    assert_eq!((&seen["status"], &seen["window"]), (&json!("up"), &json!("1h")));
    let observed = &seen["observed"];
    assert_eq!((&observed["checks"], &observed["failures"]), (&json!(3), &json!(0)));
    assert_eq!(observed["availability"], 1);
    for figure in ["avg", "p50", "p95", "p99", "max"] {
        assert!(observed["response_time_ms"][figure].as_f64().is_some_and(|ms| ms > 0.0), "{seen}");
    }
    assert_eq!(observed["last_check"]["success"], true);
    assert_eq!(observed["last_check"]["error"], Value::Null);
    drop(redis);
    let failed = server.editor.post(&target, &json!({})).expect(200).json();
    let down = server.viewer.get(&format!("{path}performance/")).expect(200).json();
    assert_eq!((&down["status"], &down["observed"]["checks"]), (&json!("down"), &json!(4)));
    assert_eq!(down["observed"]["failures"], 1);
    assert_eq!(down["observed"]["availability"], 0.75);
    assert_eq!(down["observed"]["last_check"]["error"], failed["error"]);
    let series = down["series"].as_array().expect("a list");
    let sum = |member: &str| series.iter().filter_map(|point| point[member].as_u64()).sum::<u64>();
    assert_eq!((sum("checks"), sum("failures")), (4, 1));
}

#[test]
fn windows_are_four() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    for window in ["1h", "24h", "7d", "30d"] {
        let target = format!("{path}performance/?window={window}");
        assert_eq!(server.viewer.get(&target).expect(200).json()["window"], window);
    }
    for window in ["", "2h", "24H", "1d", "1h,24h"] {
        let answer = server.viewer.get(&format!("{path}performance/?window={window}"));
        assert_eq!(answer.errors(400, "invalid_query"), ["window:invalid_value"], "{window}");
    }
}

#[test]
fn t19_failures_are_told_by_code_and_time_alone() {
    let server = TestServer::start();
    let (host, port) = CLOSED;
    let body = with(by_parts("a"), json!({"server": host, "port": port, "username": "canary"}));
    let path = server.editor.create_at(&body);
    let _ = server.editor.post(&format!("{path}test-connection/"), &json!({})).expect(200);
    let _ = server.matcher.put(&format!("{path}current-datasets/d/"), &json!({})).expect(201);
    let answer = server.viewer.get(&format!("{path}performance/")).expect(200);
    assert!(
        !answer.text().contains(host) && !answer.text().contains("canary"),
        "{}",
        answer.text()
    );
    let last = answer.json()["observed"]["last_check"].clone();
    let members = ["at", "success", "response_time_ms", "error"];
    let text = answer.text();
    let from = text.find("\"last_check\":").expect("a last check") + "\"last_check\":".len();
    let end = from + text[from..].find("}}").expect("its end") + 2;
    assert_members(&text[from..end], &members);
    assert_eq!(last["error"], json!({"step": "connect", "code": "connection_refused"}));
    assert_eq!(answer.json()["assigned_datasets"], 1);
}
