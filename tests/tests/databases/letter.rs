//! One series of requests, answered by both databases, compared byte by byte.

use datastore_tests::{
    Backend, CLOSED, Client, DATASTORES, Request, Response, TestServer, by_parts, by_string, with,
};
use serde_json::{Value, json};

/// What is written in several scripts, and in every way that databases compare differently.
const NAMES: [&str; 32] = [
    "Primary PostgreSQL",
    "primary postgresql",
    "Z\u{fc}rich Gro\u{df}",
    "Z\u{dc}RICH GROSS",
    "zurich",
    "caf\u{e9}",
    "cafe\u{301} au lait",
    "\u{416}\u{423}\u{420}\u{41d}\u{410}\u{41b}",
    "\u{436}\u{443}\u{440}\u{43d}\u{430}\u{43b} 2",
    "\u{39f}\u{394}\u{39f}\u{3a3}",
    "\u{3bf}\u{3b4}\u{3cc}\u{3c2}",
    "\u{130}stanbul",
    "istanbul",
    "I\u{131}k",
    "\u{17f}harp",
    "\u{fb01}le",
    "\u{6570}\u{636e}\u{5e93}",
    "\u{30c7}\u{30fc}\u{30bf}",
    "\u{ff24}\u{ff22}",
    "\u{627}\u{644}\u{628}\u{64a}\u{627}\u{646}\u{627}\u{62a}",
    "\u{5d1}\u{5e1}\u{5d9}\u{5e1}",
    "\u{921}\u{947}\u{91f}\u{93e}",
    "\u{e02}\u{e49}\u{e2d}\u{e21}\u{e39}\u{e25}",
    "\u{1f600} grin",
    "\u{ffee} halfwidth",
    "\u{10400} deseret",
    "100% \\ _a_b_",
    "it's \"quoted\"",
    "-dash",
    "~tilde",
    "[bracket]",
    "\u{200d}joiner",
];

const SEARCHES: [&str; 40] = [
    "primary",
    "PRIMARY postgresql",
    "z\u{fc}rich",
    "ZURICH",
    "gro\u{df}",
    "gross",
    "cafe",
    "CAF\u{c9}",
    "cafe\u{301}",
    "\u{301}",
    "\u{436}\u{443}\u{440}",
    "\u{416}\u{423}\u{420}\u{41d}",
    "\u{3bf}\u{3b4}\u{3bf}\u{3c3}",
    "\u{39f}\u{394}\u{39f}\u{3a3}",
    "\u{3c2}",
    "istanbul",
    "\u{130}STANBUL",
    "i\u{307}",
    "\u{131}",
    "sharp",
    "fi",
    "\u{fb01}",
    "\u{636e}",
    "\u{30fc}\u{30bf}",
    "db",
    "\u{ff44}",
    "\u{628}\u{64a}",
    "\u{5e1}",
    "\u{947}",
    "\u{e49}",
    "\u{1f600}",
    "\u{10428}",
    "%",
    "_",
    "\\",
    "'",
    "\"",
    "\u{200d}",
    "e",
    "description row",
];

/// The answers of one server, each with its request.
struct Series {
    editor: Client,
    matcher: Client,
    viewer: Client,
    answers: Vec<(String, String)>,
}

impl Series {
    fn new(server: &TestServer) -> Self {
        let (editor, matcher, viewer) =
            (server.editor.clone(), server.matcher.clone(), server.viewer.clone());
        Self { editor, matcher, viewer, answers: Vec::new() }
    }

    /// Sends a request under an id of its own, and keeps the answer.
    fn send(&mut self, request: Request) -> Response {
        let id = format!("letter-{}", self.answers.len());
        let request = request.header("X-Request-Id", &id);
        let (head, body) = (request.line(), request.text());
        let answer = request.send();
        self.answers.push((format!("{head} {body}"), without_times(&answer)));
        answer
    }

    fn write(&mut self, method: &str, target: &str, body: &Value) -> Response {
        let request = self.editor.request(method, target).json(body);
        self.send(request)
    }

    fn assign(&mut self, method: &str, target: &str, body: &Value) {
        let request = self.matcher.request(method, target).json(body);
        let _ = self.send(request);
    }

    /// As one who sees connection details, and as one who does not.
    fn read(&mut self, target: &str) {
        for client in [self.editor.clone(), self.viewer.clone()] {
            let _ = self.send(client.request("GET", target));
        }
    }
}

/// The whole answer but for when it was made. Header fields come in any order.
fn without_times(answer: &Response) -> String {
    // A length may differ by a digit of how long something took.
    let differs = ["date", "content-length"];
    let fields = answer.headers.iter().map(|(name, value)| (name.to_lowercase(), value));
    let fields = fields.filter(|(name, _)| !differs.contains(&name.as_str()));
    let mut fields: Vec<_> = fields.map(|(name, value)| format!("{name}: {value}\n")).collect();
    fields.sort_unstable();
    format!("{}\n{}{}", answer.status, fields.concat(), blanked(answer.text()))
}

/// Blanks times of the calendar, and those that a connection test took.
fn blanked(text: &str) -> String {
    const FORM: &[u8] = b"dddd-dd-ddTdd:dd:dd.ddddddZ";
    const TOOK: [&str; 7] = [
        "\"elapsed_ms\":",
        "\"response_time_ms\":",
        "\"avg\":",
        "\"p50\":",
        "\"p95\":",
        "\"p99\":",
        "\"max\":",
    ];
    let is_time = |text: &str| {
        let mut pairs = text.bytes().zip(FORM);
        text.len() >= FORM.len()
            && pairs.all(|(b, form)| if *form == b'd' { b.is_ascii_digit() } else { b == *form })
    };
    let (mut rest, mut blanked) = (text, String::new());
    while let Some(next) = rest.chars().next() {
        if is_time(rest) {
            blanked += "TIME";
            rest = &rest[FORM.len()..];
        } else if let Some(member) = TOOK.iter().find(|member| rest.starts_with(**member)) {
            blanked += member;
            let number = |c: char| c.is_ascii_digit() || ".e-".contains(c);
            rest = rest[member.len()..].trim_start_matches(number);
        } else {
            blanked.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    blanked
}

fn fill(series: &mut Series) {
    let systems = [
        ("sql", "postgres"),
        ("sql", "mysql"),
        ("document", "mongodb"),
        ("keyvalue", "redis"),
        ("graph", "neo4j"),
        ("column", "cassandra"),
    ];
    let figures = [json!(null), json!(1), json!(0.1), json!(2.5e-300), json!(1e308), json!(12.75)];
    for (at, name) in NAMES.into_iter().enumerate() {
        let (kind, system) = systems[at % systems.len()];
        let database = (system != "redis").then_some("registry");
        let members = json!({
            "type": kind, "system": system, "database": database, "is_active": at % 3 != 0,
            "description": format!("Description of row {at}\n\ttwo lines {name}"),
            "avg_response_time_ms": figures[at % figures.len()],
            "storage_capacity_gb": figures[(at + 1) % figures.len()],
            "max_connections": (at % 2 == 0).then_some(2_147_483_647 - at),
        });
        let _ = series.write("POST", DATASTORES, &with(by_parts(name), members)).expect(201);
    }
    let string = "postgres://u:p%40ss@db.example:5433/registry?sslmode=require";
    let body = by_string("by string", "postgres", string);
    let _ = series.write("POST", DATASTORES, &body).expect(201);
}

fn lists(series: &mut Series) {
    let keys = ["created_at", "name", "type", "avg_response_time_ms"];
    let signed = keys.iter().flat_map(|key| [(*key).to_owned(), format!("-{key}")]);
    let signed: Vec<_> = signed.collect();
    let pairs = signed.iter().flat_map(|first| {
        let others =
            signed.iter().filter(|s| s.trim_start_matches('-') != first.trim_start_matches('-'));
        others.map(move |second| format!("{first},{second}"))
    });
    let orderings: Vec<_> = signed.iter().cloned().chain(pairs).collect();
    for ordering in orderings {
        series.read(&format!("{DATASTORES}?ordering={ordering}&page_size=500"));
        let _ = series.send(
            series
                .viewer
                .request("GET", &format!("{DATASTORES}?ordering={ordering}&page=2&page_size=7")),
        );
    }
    for filter in [
        "",
        "type=sql",
        "type=sql,graph",
        "system=redis",
        "system=mysql,neo4j,cassandra",
        "is_active=true",
        "is_active=false",
        "type=sql&system=postgres&is_active=false",
        "type=graph&system=redis",
        "page=2&page_size=10",
        "page=99",
        "page_size=1&page=33",
        "page_size=501",
        "page=0",
        "ordering=id",
        "type=SQL",
        "limit=1",
        "page=1&page=2",
        "search=%ff",
        "search=%00",
        "search=a%00b",
        "is_active=yes",
    ] {
        series.read(&format!("{DATASTORES}?{filter}"));
    }
    for search in SEARCHES {
        let encoded: String = search.bytes().map(|byte| format!("%{byte:02X}")).collect();
        series.read(&format!("{DATASTORES}?search={encoded}&ordering=name"));
        series.read(&format!("{DATASTORES}?search={encoded}&type=sql,document&page_size=2"));
    }
}

fn changes(series: &mut Series) {
    let path = |id: u32| format!("{DATASTORES}{id}/");
    let tag = |tag: &'static str| ("If-Match", tag);
    for (id, patch) in [
        (1, json!({})),
        (1, json!({"description": "  changed \u{416} \u{0301}e\u{301}  "})),
        (1, json!({"max_connections": 7, "storage_capacity_gb": null, "is_active": false})),
        (2, json!({"password": "anew", "port": 6543})),
        (2, json!({"port": 6544})),
        (3, json!({"type": "graph"})),
        (3, json!({"name": "a\u{0}b"})),
        (4, json!({"description": "a\u{0}b"})),
        (4, json!({"name": "x".repeat(256), "port": 0, "tls": "maybe", "nmae": 1})),
        (5, json!({"name": "\u{1f600}".repeat(255)})),
        (33, json!({"connection_string": "postgres://u:other@db.example:5433/registry"})),
        (9999, json!({})),
    ] {
        let _ = series.write("PATCH", &path(id), &patch);
        series.read(&path(id));
    }
    let _ = series.write("PUT", &path(6), &by_parts("replaced \u{df}"));
    series.read(&path(6));
    for (method, condition) in [
        ("PATCH", tag("\"1-c\"")),
        ("PATCH", tag("\"2-c\"")),
        ("DELETE", tag("\"9-c\"")),
        ("PATCH", tag("*")),
    ] {
        let request = series.editor.request(method, &path(7)).header(condition.0, condition.1);
        let request =
            if method == "PATCH" { request.json(&json!({"description": "x"})) } else { request };
        let _ = series.send(request);
    }
    let known = series.editor.request("GET", &path(8)).header("If-None-Match", "\"1-c\"");
    let _ = series.send(known);
    for id in ["0", "-1", "9223372036854775807", "9223372036854775808", "1e1", "%31", "x", "01"] {
        series.read(&format!("{DATASTORES}{id}/"));
    }
}

fn datasets(series: &mut Series) {
    let at = |id: u32, dataset: &str| format!("{DATASTORES}{id}/current-datasets/{dataset}/");
    for n in (10..22).rev() {
        series.assign(
            "PUT",
            &at(8, &format!("d{n}")),
            &json!({"name": format!("Dataset \u{416} {n}")}),
        );
    }
    series.assign("PUT", &at(8, "d10"), &json!({"name": "renamed"}));
    series.assign("PUT", &at(9, "d10"), &json!({}));
    series.assign("PUT", &at(9, "d10"), &json!({"move": true}));
    series.assign("PUT", &at(10, "D10"), &json!({}));
    series.assign("PUT", &at(9, "x"), &json!({"name": "a\u{0}b"}));
    series.assign("PUT", &at(1, "y"), &json!({}));
    series.assign("DELETE", &at(8, "d10"), &json!({}));
    series.assign("DELETE", &at(8, "d11"), &json!({}));
    series.read(&format!("{DATASTORES}8/current-datasets/"));
    series.read(&format!("{DATASTORES}8/current-datasets/?page=2&page_size=4"));
    let _ = series.send(series.editor.request("DELETE", &format!("{DATASTORES}8/")));
    let _ = series.send(series.editor.request("DELETE", &format!("{DATASTORES}12/")));
    for below in ["", "current-datasets/", "performance/"] {
        series.read(&format!("{DATASTORES}12/{below}"));
    }
    let (host, port) = CLOSED;
    let closed = json!({"server": host, "port": port, "password": "anew"});
    let _ = series.write("PATCH", &format!("{DATASTORES}14/"), &closed);
    for _ in 0..3 {
        let _ = series.write("POST", &format!("{DATASTORES}14/test-connection/"), &json!({}));
    }
    for window in ["1h", "24h", "7d", "30d", "1y"] {
        series.read(&format!("{DATASTORES}14/performance/?window={window}"));
    }
    series.read(&format!("{DATASTORES}types/"));
}

/// What the database refuses; last, since a refused row may use up a number on PostgreSQL.
fn conflicts(series: &mut Series) {
    for name in [NAMES[0], " Primary PostgreSQL ", NAMES[6], "caf\u{e9} au lait"] {
        let _ = series.write("POST", DATASTORES, &by_parts(name));
        let _ = series.write("PATCH", &format!("{DATASTORES}20/"), &json!({"name": name}));
    }
    // Other names: of other case, of another script, and one that was deleted.
    let _ = series.write("PATCH", &format!("{DATASTORES}20/"), &json!({"name": "CAF\u{c9}"}));
    let _ = series.write("PATCH", &format!("{DATASTORES}21/"), &json!({"name": NAMES[11]}));
    series.read(&format!("{DATASTORES}?page_size=500"));
}

fn answers(backend: Backend) -> Vec<(String, String)> {
    let server = TestServer::on(backend, "http.public_url = 'https://registry.example'");
    let mut series = Series::new(&server);
    fill(&mut series);
    lists(&mut series);
    changes(&mut series);
    datasets(&mut series);
    lists(&mut series);
    conflicts(&mut series);
    series.answers
}

#[test]
fn both_databases_answer_the_same_to_the_letter() {
    let (sqlite, postgres) = std::thread::scope(|scope| {
        let postgres = scope.spawn(|| answers(Backend::Postgres));
        (answers(Backend::Sqlite), postgres.join().expect("a series"))
    });
    assert_eq!(sqlite.len(), postgres.len());
    for ((request, expected), (_, found)) in sqlite.iter().zip(&postgres) {
        assert_eq!(expected, found, "{request}");
        assert!(!expected.starts_with('5'), "{request}: {expected}");
    }
    let of = |status: &str| sqlite.iter().filter(|(_, answer)| answer.starts_with(status)).count();
    let statuses = ["200", "201", "204", "304", "400", "404", "409", "412"];
    assert!(statuses.iter().all(|status| of(status) > 0), "some status was never answered");
}
