//! T36: COMMIT broke off, so nobody knows whether a change was made; each route says how to look.

use datastore_testkit::{Fault, FaultyProxy, PostgresServer};
use datastore_tests::{Client, DATASTORES, Installation, Process, by_parts};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const TOKENS: &str = "/api/v1/tokens/";

/// A server whose way to its PostgreSQL can be cut.
struct Cut {
    runtime: Runtime,
    proxy: FaultyProxy,
    admin: Client,
    _server: Process,
    _installation: Installation,
    _postgres: PostgresServer,
}

impl Cut {
    fn start() -> Self {
        let postgres = PostgresServer::start_with(&["fsync=off"]);
        let runtime = Runtime::new().expect("a runtime");
        let proxy = runtime.block_on(FaultyProxy::before(postgres.port()));
        let url = format!("{}?sslmode=disable", postgres.url_at(proxy.port(), "postgres"));
        let installation = Installation::in_database(url);
        let server = installation.serve(&[]);
        let admin = Client::new(server.address(), Some(installation.token("admin")));
        Self {
            runtime,
            proxy,
            admin,
            _server: server,
            _installation: installation,
            _postgres: postgres,
        }
    }

    /// What is answered to a change while this is done to it.
    fn answer(&mut self, fault: Fault, method: &str, target: &str, body: Option<&Value>) -> Value {
        self.runtime.block_on(self.proxy.set(fault));
        let request = self.admin.request(method, target);
        let answer = body.map_or(request.clone(), |body| request.json(body)).send();
        self.runtime.block_on(self.proxy.set(Fault::None));
        let problem = answer.problem(503, "storage_unavailable");
        assert!(answer.header("retry-after").is_some(), "{method} {target}");
        problem
    }

    /// Insists that the outcome of a change is unknown, whatever it was, and that `look` is said.
    #[track_caller]
    fn unknown(&mut self, fault: Fault, method: &str, target: &str, body: &Value, look: &str) {
        let body = Some(body).filter(|body| !body.is_null());
        let problem = self.answer(fault, method, target, body);
        assert_eq!(problem["outcome"], "unknown", "{method} {target}");
        let detail = problem["detail"].as_str().expect("text");
        assert!(detail.contains("as a whole, or not at all") && detail.contains(look), "{detail}");
    }
}

#[test]
fn t36_programs_tell_an_unknown_outcome_from_a_change_that_was_not_made() {
    let mut cut = Cut::start();
    let nothing = Value::Null;
    let fate = [Fault::CutAfterCommit, Fault::CutBeforeCommit];
    for (name, fault) in ["made", "not made"].into_iter().zip(fate) {
        cut.unknown(fault, "POST", DATASTORES, &by_parts(name), "search the list for its name");
    }
    let found = |cut: &Cut, path: &str| cut.admin.get(path).expect(200).json()["results"].clone();
    let list = found(&cut, DATASTORES);
    assert_eq!((list.as_array().map(Vec::len), &list[0]["name"]), (Some(1), &json!("made")));
    let path = datastore_tests::path_of(&list[0]);
    let after = Fault::CutAfterCommit;
    cut.unknown(after, "PATCH", &path, &json!({"max_connections": 7}), "Read the datastore");
    assert_eq!(cut.admin.get(&path).expect(200).json()["max_connections"], 7);
    let datasets = format!("{path}current-datasets/");
    let dataset = format!("{datasets}d/");
    cut.unknown(after, "PUT", &dataset, &nothing, "current-datasets/ of the datastore, or send it");
    assert_eq!(found(&cut, &datasets)[0]["dataset_id"], "d");
    cut.unknown(after, "DELETE", &dataset, &nothing, "current-datasets/ of the datastore before");
    assert_eq!(found(&cut, &datasets), json!([]));
    cut.unknown(after, "DELETE", &path, &nothing, "not found once it is deleted");
    cut.admin.get(&path).problem(404, "not_found");
    cut.unknown(after, "POST", &format!("{path}restore/"), &nothing, "found once it is restored");
    let _ = cut.admin.get(&path).expect(200);

    // A token that nobody has seen is found, and revoked.
    let token = json!({"name": "unseen", "role": "admin"});
    cut.unknown(after, "POST", TOKENS, &token, "GET /api/v1/tokens/ before you make another one");
    let tokens = found(&cut, TOKENS);
    let unseen = tokens.as_array().and_then(|rows| rows.iter().find(|row| row["name"] == "unseen"));
    let token = format!("{TOKENS}{}/", unseen.expect("it is listed")["id"]);
    cut.unknown(after, "DELETE", &token, &nothing, "revoked_at");
    assert!(cut.admin.get(&token).expect(200).json()["revoked_at"].is_string());

    // What was surely not made says nothing of an outcome.
    let refused = cut.answer(Fault::Refuse, "POST", DATASTORES, Some(&by_parts("never")));
    assert!(refused.get("outcome").is_none(), "{refused}");
    assert_eq!(found(&cut, DATASTORES).as_array().map(Vec::len), Some(1));
}
