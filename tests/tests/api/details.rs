//! T19: connection details by the back door.

use crate::openapi::derived;
use datastore_tests::canary::Canaries;
use datastore_tests::{CLOSED, Client, DATASTORES, TestServer, by_parts, by_string, with};
use serde_json::{Value, json};

const HOST: &str = "canary-host.invalid";
const OTHER_HOST: &str = "canary-host-two.invalid";
const USER: &str = "canary_user";
const DATABASE: &str = "canary_database";
const PASSWORD: &str = "canary password:1";
const IN_STRING: &str = "canary-in-string";

const DETAILS: [&str; 7] = [HOST, OTHER_HOST, USER, DATABASE, PASSWORD, IN_STRING, CLOSED.0];

/// Datastores of every form that were changed, tested in vain, used and deleted.
fn fill(server: &TestServer) {
    let place = |host: &str, port: u16| {
        json!({"server": host, "port": port, "username": USER, "password": PASSWORD,
               "database": DATABASE})
    };
    let editor = &server.editor;
    let parts = editor.create_at(&with(by_parts("parts"), place(HOST, 5432)));
    let closed = editor.create_at(&with(by_parts("closed"), place(CLOSED.0, CLOSED.1)));
    let string = format!("postgres://{USER}:{IN_STRING}@{}:{}/{DATABASE}", CLOSED.0, CLOSED.1);
    let string = editor.create_at(&by_string("string", "postgres", &string));
    let deleted = editor.create_at(&with(by_parts("deleted"), place(HOST, 5432)));
    let moved = json!({"server": OTHER_HOST, "password": PASSWORD, "username": "canary_user_two"});
    let _ = editor.patch(&parts, &moved).expect(200);
    let _ = editor.patch(&parts, &place(HOST, 5433)).expect(200);
    for path in [&parts, &closed, &string] {
        let options = json!({"timeout_ms": 1000});
        let tested = editor.post(&format!("{path}test-connection/"), &options).expect(200).json();
        assert_eq!(tested["success"], false, "{tested}");
        let target = format!("{path}current-datasets/d{}/", path.len());
        let _ = server.matcher.put(&target, &json!({"move": true})).expect(201);
    }
    let _ = server.matcher.put(&format!("{deleted}current-datasets/x/"), &json!({})).expect(201);
    let _ = server.matcher.delete(&format!("{deleted}current-datasets/x/")).expect(204);
    let _ = editor.delete(&deleted).expect(204);
    let _ = editor.patch(&string, &json!({"is_active": false})).expect(200);
}

/// Targets of every GET of the document, with every number that leads somewhere.
fn reads() -> Vec<String> {
    let document = derived();
    let paths = document["paths"].as_object().expect("paths");
    let gets = paths.iter().filter(|(_, item)| item.get("get").is_some());
    let mut targets: Vec<String> = gets
        .flat_map(|(path, _)| (1..=4).map(|id| path.replace("{id}", &id.to_string())))
        .chain(["/openapi.json".to_owned(), "/docs/".to_owned()])
        .collect();
    for query in
        ["cursor=", "deleted=true", "page_size=1", "page_size=1&cursor=", "is_active=false"]
    {
        targets.push(format!("{DATASTORES}?{query}"));
    }
    for key in ["server", "port", "username", "password", "connection_string", "database", "name"] {
        targets.push(format!("{DATASTORES}?ordering={key}"));
        targets.push(format!("{DATASTORES}?ordering=-{key}&cursor="));
    }
    for detail in DETAILS {
        let detail = detail.replace(' ', "%20");
        for parameter in ["search", "server", "username", "database", "name", "ordering", "cursor"]
        {
            targets.push(format!("{DATASTORES}?{parameter}={detail}"));
        }
    }
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// Writes that viewers and matchers can try, most of them in vain.
fn writes(client: &Client) -> Vec<datastore_tests::Response> {
    let mut answers = Vec::new();
    for id in 1..=4 {
        let path = format!("{DATASTORES}{id}/");
        for (method, below) in [
            ("PUT", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "test-connection/"),
            ("POST", "restore/"),
            ("PUT", "current-datasets/d20/"),
            ("PUT", "current-datasets/new/"),
            ("DELETE", "current-datasets/none/"),
        ] {
            let request = client.request(method, &format!("{path}{below}"));
            answers.push(request.json(&json!({})).send());
        }
    }
    answers.push(client.post(DATASTORES, &by_parts("parts")));
    answers
}

#[test]
fn t19_viewers_and_matchers_meet_no_connection_detail_anywhere() {
    let server = TestServer::start();
    fill(&server);
    let mut canaries = Canaries::default();
    for detail in DETAILS {
        canaries.add(detail, USER, detail);
    }
    // What is looked for is there to be found.
    let seen = server.editor.get(DATASTORES).expect(200);
    for detail in [HOST, USER, DATABASE, CLOSED.0] {
        assert!(seen.text().contains(detail), "{detail}");
    }
    let targets = reads();
    assert!(targets.len() > 80, "{targets:?}");
    for client in [&server.viewer, &server.matcher] {
        let check = |what: &str, answer: &datastore_tests::Response| {
            canaries.assert_absent(what, &answer.body);
            canaries.assert_absent(what, format!("{:?}", answer.headers).as_bytes());
        };
        for target in &targets {
            let answer = client.get(target);
            assert!(answer.status < 500, "{target}");
            check(target, &answer);
            check(target, &client.request("HEAD", target).send());
        }
        let answers = writes(client);
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 409).collect();
        let is_matcher = std::ptr::eq(client, &server.matcher);
        assert_eq!(refused.len() >= 2, is_matcher, "{refused:?}");
        answers.iter().for_each(|answer| check("a write", answer));
    }
}

#[test]
fn t19_searches_and_filters_do_not_tell_by_their_results() {
    let server = TestServer::start();
    fill(&server);
    for detail in DETAILS {
        let query = format!("search={}", detail.replace(' ', "%20"));
        for client in [&server.viewer, &server.admin] {
            let found = client.get(&format!("{DATASTORES}?{query}")).expect(200).json();
            assert_eq!(found["results"], Value::Array(vec![]), "{query}");
        }
    }
}
