//! Writers that know what must be stored: each keeps a model of the datastores that it owns, and
//! checks every answer against it.

use datastore_tests::{CLOSED, Client, DATASTORES, KeepAlive, Request, Response, by_parts, with};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// How far back a writer goes for a datastore to change.
const REACH: usize = 12;

/// What is known of one datastore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) path: String,
    name: String,
    description: String,
    max_connections: Option<u64>,
    version: u64,
    datasets: BTreeSet<String>,
    pub(crate) deleted: bool,
}

/// What a request has to answer, and what is stored afterwards.
struct Step {
    request: Request,
    status: u16,
    after: After,
}

enum After {
    /// Everything is as it was.
    Unchanged,
    /// There is one more, whose path the answer tells.
    Created(Row),
    /// The datastore at this place is another.
    Changed(usize, Row),
}

/// A step without its answer.
enum Unsure {
    /// It was done as a whole, or not at all.
    Either(After),
    /// The server said that it was not done.
    Undone(After),
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The answer was the one of the model.
    Exact,
    /// The connection ended without an answer.
    Cut,
    /// The server said that it does not know, or cannot: 503.
    Unavailable,
}

/// A client that owns some datastores: no other one changes them, or uses their names.
pub(crate) struct Writer {
    number: usize,
    client: Client,
    connection: KeepAlive,
    pub(crate) rows: Vec<Row>,
    /// Places of those that were written to, or refused to be, since they were last verified.
    touched: BTreeSet<usize>,
    /// What may have happened or not, or what must not: see [`Unsure`].
    unsure: Option<Unsure>,
    random: u64,
    made: u64,
}

impl Writer {
    /// A writer without datastores; the admin's token, since it assigns datasets too.
    pub(crate) fn new(number: usize, client: &Client) -> Self {
        let random = 0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1);
        let (client, connection) = (client.clone(), client.keep_alive());
        let (rows, touched) = (Vec::new(), BTreeSet::new());
        Self { number, client, connection, rows, touched, unsure: None, random, made: 0 }
    }

    /// Goes on at another server of the same registry.
    pub(crate) fn move_to(&mut self, address: SocketAddr) {
        self.client = Client::new(address, self.client.token().map(str::to_owned));
        self.connection = self.client.keep_alive();
    }

    /// Writes until nobody knows whether the last write was done, and says how that came; tells by
    /// `told` when a request is about to go out, and when its exact answer is there.
    pub(crate) fn write_until_unsure(&mut self, mut told: impl FnMut()) -> Outcome {
        loop {
            told();
            match self.step() {
                Outcome::Exact => told(),
                unsure => return unsure,
            }
        }
    }

    /// One write, checked. After any outcome but [`Outcome::Exact`] comes [`Writer::resolve`].
    #[track_caller]
    pub(crate) fn step(&mut self) -> Outcome {
        assert!(self.unsure.is_none(), "nobody looked what became of the last write");
        let Step { request, status, after } = self.next();
        let Some(answer) = self.connection.send(&request) else {
            self.unsure = Some(Unsure::Either(after));
            return Outcome::Cut;
        };
        if answer.status == 503 {
            let problem = answer.problem(503, "storage_unavailable");
            let is_open = problem.get("outcome").is_some();
            self.unsure = Some(if is_open { Unsure::Either(after) } else { Unsure::Undone(after) });
            return Outcome::Unavailable;
        }
        let shown = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{} {}: {shown}", request.line(), request.text());
        match after {
            After::Unchanged => {}
            After::Created(row) => {
                let path = datastore_tests::path_of(&answer.json());
                let row = Row { path, ..row };
                assert_shows(&answer, &row);
                self.touched.insert(self.rows.len());
                self.rows.push(row);
            }
            After::Changed(at, row) => {
                if status == 200 {
                    assert_shows(&answer, &row);
                }
                self.rows[at] = row;
            }
        }
        Outcome::Exact
    }

    /// Looks what became of a write without its answer: it was done as a whole, or not at all; and
    /// not at all when the server was sure of it.
    #[track_caller]
    pub(crate) fn resolve(&mut self) {
        let (after, may_be_done) = match self.unsure.take() {
            Some(Unsure::Either(after)) => (after, true),
            Some(Unsure::Undone(after)) => (after, false),
            None => return,
        };
        match after {
            After::Unchanged => {}
            After::Created(row) => {
                let target = format!("{DATASTORES}?search={}", row.name);
                let found = self.get(&target).expect(200).json();
                let rows = found["results"].as_array().expect("rows");
                let made = rows.iter().find(|found| found["name"] == row.name);
                if let Some(made) = made {
                    assert!(may_be_done, "{made} was said not to be stored");
                    self.rows.push(Row { path: datastore_tests::path_of(made), ..row });
                    self.verify(self.rows.len() - 1);
                }
            }
            After::Changed(at, after) => {
                if may_be_done && self.stored(at) == summary(&after) {
                    self.rows[at] = after;
                }
                self.verify(at);
            }
        }
    }

    /// Insists that what this writer worked on since the last time is as its answers said.
    #[track_caller]
    pub(crate) fn verify_latest(&mut self) {
        for at in std::mem::take(&mut self.touched) {
            self.verify(at);
        }
    }

    /// As [`Writer::verify_latest`], of everything that it ever wrote.
    #[track_caller]
    pub(crate) fn verify_all(&mut self) {
        for at in 0..self.rows.len() {
            self.verify(at);
        }
    }

    #[track_caller]
    fn verify(&mut self, at: usize) {
        assert_eq!(self.stored(at), summary(&self.rows[at]), "{}", self.rows[at].path);
    }

    /// The datastore as the server shows it, with its version and datasets.
    #[track_caller]
    fn stored(&mut self, at: usize) -> Value {
        let path = self.rows[at].path.clone();
        let answer = self.get(&path);
        if answer.status == 404 {
            return Value::Null;
        }
        let answer = answer.expect(200);
        let row = answer.json();
        let datasets = self.get(&format!("{path}current-datasets/")).expect(200).json();
        let ids = datasets["results"].as_array().expect("rows").iter();
        let ids: BTreeSet<_> = ids.map(|row| row["dataset_id"].as_str().expect("an id")).collect();
        json!({
            "name": row["name"], "description": row["description"],
            "max_connections": row["max_connections"], "tag": answer.header("etag"),
            "datasets": ids,
        })
    }

    #[track_caller]
    fn get(&mut self, target: &str) -> Response {
        let request = self.client.request("GET", target);
        // The server closes what is idle for long; a read may be sent again.
        let answer = self.connection.send(&request).or_else(|| self.connection.send(&request));
        answer.expect("an answer")
    }

    fn random(&mut self, below: usize) -> usize {
        // xorshift: what a failed run did, the next one does again.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % below as u64).expect("small")
    }

    fn new_word(&mut self, what: &str) -> String {
        self.made += 1;
        format!("{what}-{}-{}", self.number, self.made)
    }

    fn next(&mut self) -> Step {
        if self.rows.is_empty() {
            return self.create();
        }
        let at = self.rows.len() - 1 - self.random(self.rows.len().min(REACH));
        self.touched.insert(at);
        let alive = !self.rows[at].deleted;
        match self.random(12) {
            0..=2 => self.create(),
            3 => self.create_again(at),
            4..=5 => self.patch(at),
            6 => self.replace(at),
            7 => self.refused(at),
            8 => self.delete(at),
            9..=10 if alive => self.assign(at),
            _ => self.release(at),
        }
    }

    fn create(&mut self) -> Step {
        let (name, description) = (self.new_word("name"), self.new_word("text"));
        let row = Row {
            path: String::new(),
            name,
            description,
            max_connections: None,
            version: 1,
            datasets: BTreeSet::new(),
            deleted: false,
        };
        let request = self.client.request("POST", DATASTORES).json(&body(&row));
        Step { request, status: 201, after: After::Created(row) }
    }

    /// Under a name that is taken, or free again.
    fn create_again(&mut self, at: usize) -> Step {
        let name = self.rows[at].name.clone();
        let taken = self.rows.iter().any(|row| !row.deleted && row.name == name);
        let mut step = self.create();
        let After::Created(row) = &mut step.after else { unreachable!("it creates") };
        row.name = name;
        step.request = self.client.request("POST", DATASTORES).json(&body(row));
        if taken { Step { status: 409, after: After::Unchanged, ..step } } else { step }
    }

    /// A change that changes something, and counts up the version.
    fn change(&mut self, at: usize, change: impl FnOnce(&mut Row)) -> (u16, After) {
        let mut row = self.rows[at].clone();
        if row.deleted {
            return (404, After::Unchanged);
        }
        row.version += 1;
        change(&mut row);
        (200, After::Changed(at, row))
    }

    fn patch(&mut self, at: usize) -> Step {
        let (description, limit) = (self.new_word("text"), 1 + self.random(1000) as u64);
        let patch = match self.random(3) {
            0 => json!({"description": description, "max_connections": null}),
            1 => json!({"description": description, "max_connections": limit}),
            _ => json!({"description": description, "password": description}),
        };
        let limit = patch.get("max_connections").map(Value::as_u64);
        let (status, after) = self.change(at, |row| {
            row.description = description;
            row.max_connections = limit.unwrap_or(row.max_connections);
        });
        let request = self.client.request("PATCH", &self.rows[at].path).json(&patch);
        Step { request, status, after }
    }

    /// With another name, so that the old one is free.
    fn replace(&mut self, at: usize) -> Step {
        let (name, description) = (self.new_word("name"), self.new_word("text"));
        let (status, after) = self.change(at, |row| {
            (row.name, row.description, row.max_connections) = (name, description, None);
        });
        let target = if let After::Changed(_, row) = &after { row } else { &self.rows[at] };
        let request = self.client.request("PUT", &target.path).json(&body(target));
        Step { request, status, after }
    }

    /// What breaks a rule.
    fn refused(&mut self, at: usize) -> Step {
        let row = &self.rows[at];
        let request = self.client.request("PATCH", &row.path);
        let request = request.json(&json!({"description": "never stored", "port": 0}));
        Step { request, status: if row.deleted { 404 } else { 400 }, after: After::Unchanged }
    }

    fn delete(&mut self, at: usize) -> Step {
        let row = self.rows[at].clone();
        let request = self.client.request("DELETE", &row.path);
        if row.deleted || !row.datasets.is_empty() {
            let status = if row.deleted { 404 } else { 409 };
            return Step { request, status, after: After::Unchanged };
        }
        let after = Row { deleted: true, version: row.version + 1, ..row };
        Step { request, status: 204, after: After::Changed(at, after) }
    }

    fn dataset(&self, at: usize, dataset: &str) -> String {
        format!("{}current-datasets/{dataset}/", self.rows[at].path)
    }

    fn assign(&mut self, at: usize) -> Step {
        let dataset = self.new_word("set");
        let request = self.client.request("PUT", &self.dataset(at, &dataset)).json(&json!({}));
        let mut row = self.rows[at].clone();
        row.datasets.insert(dataset);
        Step { request, status: 201, after: After::Changed(at, row) }
    }

    /// The first one that is assigned, or one that is not.
    fn release(&mut self, at: usize) -> Step {
        let mut row = self.rows[at].clone();
        let dataset = row.datasets.pop_first();
        let target = self.dataset(at, dataset.as_deref().unwrap_or("absent"));
        let request = self.client.request("DELETE", &target);
        match dataset {
            Some(_) => Step { request, status: 204, after: After::Changed(at, row) },
            None => Step { request, status: 404, after: After::Unchanged },
        }
    }
}

/// A body that writes `row` as a whole. Its target is closed: a test that gets as far as that shows
/// that the password was opened.
fn body(row: &Row) -> Value {
    let (host, port) = CLOSED;
    let members = json!({
        "description": row.description, "max_connections": row.max_connections, "server": host,
        "port": port,
    });
    with(by_parts(&row.name), members)
}

fn tag(row: &Row) -> String {
    format!("\"{}-c\"", row.version)
}

/// As [`Writer::stored`] finds it.
fn summary(row: &Row) -> Value {
    if row.deleted {
        return Value::Null;
    }
    json!({
        "name": row.name, "description": row.description, "max_connections": row.max_connections,
        "tag": tag(row), "datasets": row.datasets,
    })
}

#[track_caller]
fn assert_shows(answer: &Response, row: &Row) {
    let shown = answer.json();
    let found = (&shown["name"], &shown["description"], &shown["max_connections"]);
    let expected = (&json!(row.name), &json!(row.description), &json!(row.max_connections));
    assert_eq!(found, expected, "{}", row.path);
    assert_eq!(answer.header("etag"), Some(tag(row).as_str()), "{}", row.path);
}
