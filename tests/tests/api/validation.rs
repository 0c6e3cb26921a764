//! Rules of single members, over POST; PUT and PATCH share them.

use datastore_tests::{Client, DATASTORES, TestServer, by_parts, with};
use serde_json::{Value, json};

#[track_caller]
fn refused(editor: &Client, members: Value, errors: &[&str]) {
    let answer = editor.post(DATASTORES, &with(by_parts("a"), members.clone()));
    assert_eq!(answer.errors(400, "validation_failed"), errors, "{members}");
}

#[track_caller]
fn taken(server: &TestServer, members: Value) {
    let path = server.editor.create_at(&with(by_parts("a"), members));
    let _ = server.editor.delete(&path).expect(204);
}

#[test]
fn texts() {
    let server = TestServer::start();
    let long = |n: usize| "\u{1d11e}".repeat(n);
    for (members, error) in [
        (json!({"name": ""}), "name:blank"),
        (json!({"name": " \t "}), "name:blank"),
        (json!({"name": null}), "name:required"),
        (json!({"name": 5}), "name:invalid_type"),
        (json!({"name": long(256)}), "name:too_long"),
        (json!({"name": "a\u{7}b"}), "name:invalid_character"),
        (json!({"name": "a\nb"}), "name:invalid_character"),
        (json!({"name": "a\u{202e}b"}), "name:invalid_character"),
        (json!({"name": "a\u{2066}b"}), "name:invalid_character"),
        (json!({"description": " \n "}), "description:blank"),
        (json!({"description": null}), "description:required"),
        (json!({"description": long(10_001)}), "description:too_long"),
        (json!({"description": "a\u{1b}[31m"}), "description:invalid_character"),
        (json!({"server": ""}), "server:blank"),
        (json!({"server": "a".repeat(256)}), "server:too_long"),
        (json!({"username": ""}), "username:blank"),
        (json!({"username": long(256)}), "username:too_long"),
        (json!({"username": "u\r\nSET x"}), "username:invalid_character"),
        (json!({"password": ""}), "password:blank"),
        (json!({"password": long(1025)}), "password:too_long"),
        (json!({"password": "a\u{0}b"}), "password:invalid_character"),
        (json!({"password": 12345}), "password:invalid_type"),
        (json!({"database": ""}), "database:blank"),
        (json!({"database": long(256)}), "database:too_long"),
        (json!({"database": "a\nb"}), "database:invalid_character"),
        (json!({"tls": "maybe"}), "tls:unknown_choice"),
        (json!({"is_active": "true"}), "is_active:invalid_type"),
        (json!({"is_active": 1}), "is_active:invalid_type"),
    ] {
        refused(&server.editor, members, &[error]);
    }
    for members in [
        json!({"name": long(255)}),
        json!({"name": "family \u{1f469}\u{200d}\u{1f467}"}),
        json!({"description": format!(" {} ", long(10_000))}),
        json!({"description": "a\tb\r\nc"}),
        json!({"username": " u "}),
        json!({"password": long(1024)}),
        json!({"password": " \n\t"}),
        json!({"server": "a_b-c.EXAMPLE."}),
        json!({"server": "::1"}),
        json!({"server": "[2001:db8::1]"}),
        json!({"server": "10.0.0.1"}),
        json!({"is_active": null}),
        json!({"tls": null}),
    ] {
        taken(&server, members);
    }
}

#[test]
fn t04_servers_are_hosts_and_nothing_else() {
    let server = TestServer::start();
    for host in [
        "/var/run/postgresql",
        "@abstract",
        "unix:/x",
        "file:///etc/passwd",
        "%2Fvar%2Frun",
        "http://h",
        "h:5432",
        "u@h",
        "h/db",
        "a b",
        "a..b",
        "h?x",
        "h#x",
        "h;x",
        "[::1",
        "[h]",
    ] {
        refused(&server.editor, json!({ "server": host }), &["server:invalid_format"]);
    }
}

#[test]
fn numbers() {
    let server = TestServer::start();
    for (member, values) in [
        ("port", vec![json!(0), json!(65536), json!(-1), json!(5432.5), json!(1e300)]),
        ("max_connections", vec![json!(0), json!(2_147_483_648_u64), json!(1.5), json!(-7)]),
        ("avg_response_time_ms", vec![json!(0), json!(-0.1)]),
        ("storage_capacity_gb", vec![json!(0.0), json!(-1)]),
    ] {
        for value in values {
            let code = format!("{member}:out_of_range");
            refused(&server.editor, json!({ member: value }), &[&code]);
        }
        for value in [json!("5"), json!(true), json!([1]), json!({"a": 1})] {
            let code = format!("{member}:invalid_type");
            refused(&server.editor, json!({ member: value }), &[&code]);
        }
    }
    for members in [
        json!({"port": 1}),
        json!({"port": 65535}),
        json!({"max_connections": 2_147_483_647}),
        json!({"avg_response_time_ms": 1e-9}),
        json!({"storage_capacity_gb": 1e15}),
    ] {
        taken(&server, members);
    }
}

#[test]
fn numbers_are_answered_as_they_were_meant() {
    let server = TestServer::start();
    for (at, (written, read)) in [
        ("5432.0", "5432"),
        ("5.432e3", "5432"),
        ("0.25", "0.25"),
        ("1e3", "1000"),
        ("1000.0", "1000"),
    ]
    .into_iter()
    .enumerate()
    {
        let template = with(by_parts(&format!("n{at}")), json!({"storage_capacity_gb": "@"}));
        let body = template.to_string().replace("\"@\"", written);
        let created = server
            .editor
            .request("POST", DATASTORES)
            .header("Content-Type", "application/json")
            .body(body)
            .send()
            .expect(201);
        let part = format!("\"storage_capacity_gb\":{read},");
        assert!(created.text().contains(&part), "{written}: {}", created.text());
    }
}

#[test]
fn the_problem_of_the_contract_comes_as_it_is_written_there() {
    let server = TestServer::start();
    let answer = server.editor.post(DATASTORES, &with(by_parts("a"), json!({"port": 0})));
    let expected = json!([{
        "field": "port", "pointer": "/port", "code": "out_of_range",
        "detail": "Must be between 1 and 65535.",
    }]);
    assert_eq!(answer.problem(400, "validation_failed")["errors"], expected);
}

#[test]
fn all_violations_come_at_once_in_the_order_of_the_fields() {
    let server = TestServer::start();
    let everything = json!({
        "tls": 1, "database": 1, "storage_capacity_gb": 0, "avg_response_time_ms": 0,
        "max_connections": 0, "is_active": 0, "password": 0, "username": 0, "port": 0, "server": 0,
        "description": 0, "system": 0, "type": 0, "name": 0, "nmae": 0,
    });
    let answer = server.editor.post(DATASTORES, &everything);
    let fields: Vec<_> = answer.errors(400, "validation_failed");
    let fields: Vec<_> = fields.iter().filter_map(|e| e.split(':').next()).collect();
    let expected = [
        "name",
        "type",
        "system",
        "description",
        "server",
        "port",
        "username",
        "password",
        "is_active",
        "max_connections",
        "avg_response_time_ms",
        "storage_capacity_gb",
        "database",
        "tls",
        "nmae",
    ];
    assert_eq!(fields, expected);
    let required = server.editor.post(DATASTORES, &json!({}));
    assert_eq!(
        required.errors(400, "validation_failed"),
        [
            "name:required",
            "type:required",
            "system:required",
            "description:required",
            "server:required",
            "port:required",
            "username:required",
            "password:required",
        ]
    );
}

#[test]
fn an_unknown_member_is_named_with_a_suggestion_when_one_letter_is_off() {
    let server = TestServer::start();
    for (typo, near) in [
        ("nam", Some("name")),
        ("prot", Some("port")),
        ("is_activ", Some("is_active")),
        ("databases", Some("database")),
        ("colour", None),
    ] {
        let answer = server.editor.post(DATASTORES, &with(by_parts("a"), json!({ typo: 1 })));
        let problem = answer.problem(400, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], typo);
        let detail = problem["errors"][0]["detail"].as_str().expect("text");
        match near {
            Some(near) => assert!(detail.ends_with(&format!("did you mean {near}?")), "{detail}"),
            None => assert!(!detail.contains("did you mean"), "{detail}"),
        }
    }
}

#[test]
fn type_and_system_fit_each_other() {
    let server = TestServer::start();
    let systems = [
        ("postgres", "sql"),
        ("mysql", "sql"),
        ("mongodb", "document"),
        ("redis", "keyvalue"),
        ("neo4j", "graph"),
        ("cassandra", "column"),
    ];
    for (system, own) in systems {
        for kind in ["sql", "document", "keyvalue", "graph", "column"] {
            let members = json!({"type": kind, "system": system});
            if kind == own {
                taken(&server, members);
            } else {
                refused(&server.editor, members, &["system:type_mismatch"]);
            }
        }
    }
    refused(&server.editor, json!({"type": "SQL"}), &["type:unknown_choice"]);
    refused(&server.editor, json!({"system": "oracle"}), &["system:unknown_choice"]);
}

#[test]
fn a_redis_index_is_a_whole_number_as_text() {
    let server = TestServer::start();
    let redis = |index: Value| json!({"type": "keyvalue", "system": "redis", "database": index});
    for index in ["0", "15", "65535"] {
        taken(&server, redis(json!(index)));
    }
    for index in ["65536", "-1", "x", "1.0"] {
        refused(&server.editor, redis(json!(index)), &["database:invalid_format"]);
    }
    refused(&server.editor, redis(json!(1)), &["database:invalid_type"]);
}
