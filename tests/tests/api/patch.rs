//! `PATCH /api/v1/datastores/{id}/`

use datastore_tests::{MASK, TestServer, by_parts, by_string, example, path_of, with};
use serde_json::{Value, json};

#[test]
fn absent_stays_and_null_clears() {
    let server = TestServer::start();
    let created = server.editor.create(&example());
    let path = path_of(&created);
    for patch in [
        json!({"name": "Renamed"}),
        json!({"description": "new"}),
        json!({"is_active": false}),
        json!({"max_connections": null, "storage_capacity_gb": 0.5}),
        json!({"database": "d", "tls": "require"}),
        json!({"database": null}),
    ] {
        let before = server.editor.get(&path).json();
        let after = server.editor.patch(&path, &patch).expect(200).json();
        let updated = json!({ "updated_at": after["updated_at"] });
        assert_eq!(after, with(with(before, patch.clone()), updated), "{patch}");
        assert_eq!(server.editor.get(&path).json(), after, "{patch}");
    }
}

#[test]
fn a_merge_patch_may_be_called_one() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let patch = |media: &str| {
        let request = server.editor.request("PATCH", &path).header("Content-Type", media);
        request.body(r#"{"name":"b"}"#).send()
    };
    for media in [
        "application/merge-patch+json",
        "application/json",
        "application/merge-patch+json; charset=utf-8",
    ] {
        let _ = patch(media).expect(200);
    }
    patch("application/json-patch+json").problem(415, "unsupported_media_type");
    let put = server.editor.request("PUT", &path);
    let put = put.header("Content-Type", "application/merge-patch+json").body("{}").send();
    put.problem(415, "unsupported_media_type");
}

#[test]
fn nothing_and_equal_values_change_nothing() {
    let server = TestServer::start();
    let created = server.editor.create(&example());
    let path = path_of(&created);
    let before = server.editor.get(&path);
    for patch in [
        json!({}),
        json!({"name": " Primary PostgreSQL "}),
        json!({"port": 5432.0, "is_active": true, "storage_capacity_gb": 1e3}),
        json!({"password": MASK}),
        json!({"is_active": null, "tls": null, "connection_string": null}),
        json!({"id": 99, "updated_at": "never"}),
        created.clone(),
    ] {
        let answer = server.editor.patch(&path, &patch).expect(200);
        assert_eq!(answer.text(), before.text(), "{patch}");
        assert_eq!(answer.header("etag"), before.header("etag"), "{patch}");
    }
}

#[test]
fn a_number_is_kept_to_its_last_digit_and_can_be_sent_back() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    for number in
        ["119.59149729921425", "45.20000000000001", "0.30000000000000004", "5e-324", "1e+308"]
    {
        for member in ["avg_response_time_ms", "storage_capacity_gb"] {
            let send = |body: String| {
                let request = server.editor.request("PATCH", &path);
                request.header("Content-Type", "application/json").body(body).send().expect(200)
            };
            let written = send(format!(r#"{{"{member}":{number}}}"#));
            assert!(written.text().contains(&format!(r#""{member}":{number}"#)), "{number}");
            let read = server.editor.get(&path);
            assert_eq!(read.text(), written.text());
            let again = send(read.text().to_owned());
            assert_eq!(again.header("etag"), read.header("etag"), "{number}");
            let history = server.admin.get(&format!("{path}history/"));
            assert!(history.text().contains(&format!(r#""to":{number}"#)), "{}", history.text());
        }
    }
}

#[test]
fn t15_a_secret_that_is_written_counts_as_changed_even_when_it_is_equal() {
    let server = TestServer::start();
    let string = "postgres://u:secret9@h/db";
    for (body, patch) in [
        (by_parts("a"), json!({"password": "first secret"})),
        (by_string("b", "postgres", string), json!({"connection_string": string})),
    ] {
        let path = server.editor.create_at(&body);
        let sealed = || server.sealed(&path);
        let mut seen = vec![sealed()];
        let mut tags = vec![server.editor.get(&path).header("etag").map(str::to_owned)];
        for _ in 0..2 {
            let answer = server.editor.patch(&path, &patch).expect(200);
            let tag = answer.header("etag").map(str::to_owned);
            assert!(!tags.contains(&tag), "the same tag again");
            assert!(!seen.contains(&sealed()), "the same ciphertext again");
            tags.push(tag);
            seen.push(sealed());
        }
        let put = server.editor.put(&path, &body).expect(200);
        assert!(!tags.contains(&put.header("etag").map(str::to_owned)));
    }
}

#[test]
fn required_members_cannot_be_cleared() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    for member in
        ["name", "type", "system", "description", "server", "port", "username", "password"]
    {
        let refused = server.editor.patch(&path, &json!({ member: null }));
        let expected = [format!("{member}:required")];
        assert_eq!(refused.errors(400, "validation_failed"), expected);
    }
    let path = server.editor.create_at(&by_string("b", "redis", "redis://:pw@h"));
    let refused = server.editor.patch(&path, &json!({"connection_string": null}));
    let expected = ["server:required", "port:required", "username:required", "password:required"];
    assert_eq!(refused.errors(400, "validation_failed"), expected);
}

#[test]
fn one_of_type_and_system_is_checked_against_the_stored_other() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    for (member, value) in [("type", "graph"), ("system", "redis")] {
        let refused = server.editor.patch(&path, &json!({ member: value }));
        let expected = [format!("{member}:type_mismatch")];
        assert_eq!(refused.errors(400, "validation_failed"), expected);
    }
    let other = json!({"system": "mysql", "password": "anew"});
    assert_eq!(server.editor.patch(&path, &other).expect(200).json()["system"], "mysql");
}

#[test]
fn the_form_changes_only_whole() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_string("a", "postgres", "postgres://u:pw@h/db"));
    let refused = server.editor.patch(&path, &json!({"server": "h"}));
    let expected = ["port:required", "username:required", "password:required"];
    assert_eq!(refused.errors(400, "validation_failed"), expected);
    let refused = server.editor.patch(&path, &json!({"database": "x", "tls": "require"}));
    let expected = ["database:conflict", "tls:conflict"];
    assert_eq!(refused.errors(400, "validation_failed"), expected);
    let parts = json!({"server": "h", "port": 1, "username": "u", "password": "p"});
    let answer = server.editor.patch(&path, &parts).expect(200).json();
    assert_eq!((&answer["connection_string"], &answer["password"]), (&Value::Null, &json!(MASK)));
    let string = json!({"connection_string": "postgres://u2:pw@h2/db"});
    let answer = server.editor.patch(&path, &string).expect(200).json();
    assert_eq!(answer["connection_string"], "postgres://u2:***@h2/db");
    assert_eq!((&answer["server"], &answer["password"]), (&Value::Null, &Value::Null));
    // Naming both forms at once is refused, whichever is stored.
    let both = with(parts, string);
    let refused = server.editor.patch(&path, &both);
    assert_eq!(refused.errors(400, "validation_failed"), ["connection_string:conflict"]);
}

#[test]
fn t38_two_patches_of_different_members_both_survive() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    for round in 1..=20 {
        let patches = [json!({"max_connections": round}), json!({"storage_capacity_gb": round})];
        std::thread::scope(|scope| {
            for patch in &patches {
                scope.spawn(|| server.editor.patch(&path, patch).expect(200));
            }
        });
        let now = server.editor.get(&path).json();
        assert_eq!(
            (&now["max_connections"], &now["storage_capacity_gb"]),
            (&json!(round), &json!(round))
        );
    }
}
