//! T27: what clients say about themselves, and what becomes of it in links.

use datastore_tests::{DATASTORES, Response, TestServer, by_parts};
use serde_json::json;

#[test]
fn t27_a_malformed_host_is_refused() {
    let server = TestServer::start();
    for host in [
        "",
        " ",
        "a b",
        "a/b",
        "http://a",
        "u@a",
        "a:b",
        "a:99999",
        "a?x",
        "a#x",
        "a\\b",
        "a,b",
        "[::1",
        "[x]",
        "\"a\"",
        "a%41",
        "<script>",
        "a\tb",
        "\u{e9}.example",
    ] {
        let answer = server.admin.request("GET", DATASTORES).header("Host", host).send();
        assert_eq!(answer.status, 400, "{host:?}");
        assert!(!answer.text().contains("script"), "{host:?}");
    }
    let twice = server.admin.request("GET", DATASTORES).header("Host", "a").header("Host", "b");
    assert_eq!(twice.send().status, 400);
    let token = server.admin.token().expect("a token");
    let none = format!(
        "GET {DATASTORES} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    let answer = Response::parse(&server.admin.raw(none.as_bytes()), false).expect("an answer");
    assert_eq!(answer.status, 400);
}

#[test]
fn t27_links_follow_the_requests_own_host() {
    let server = TestServer::start();
    for (at, host) in
        ["api.example", "api.example:8443", "10.0.0.1", "[::1]:80", "a_b"].into_iter().enumerate()
    {
        let request = server.editor.request("POST", DATASTORES).header("Host", host);
        let created = request.json(&by_parts(&format!("n{at}"))).send().expect(201);
        let expected = format!("http://{host}{DATASTORES}{}/", created.json()["id"]);
        assert_eq!(created.header("location"), Some(expected.as_str()));
        if at > 0 {
            let page = server.viewer.request("GET", &format!("{DATASTORES}?page_size=1"));
            let page = page.header("Host", host).send().expect(200).json();
            assert_eq!(page["next"], format!("http://{host}{DATASTORES}?page_size=1&page=2"));
        }
    }
}

/// Headers that claim another origin.
const CLAIMS: [(&str, &str); 7] = [
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "https"),
    ("Forwarded", "host=evil.example;proto=https"),
    ("X-Host", "evil.example"),
    ("X-Original-Host", "evil.example"),
    ("X-Forwarded-Server", "evil.example"),
    ("X-Original-URL", "/evil"),
];

fn location(server: &TestServer, claims: &[(&str, &str)], name: &str) -> String {
    let request = server.editor.request("POST", DATASTORES).header("Host", "own.example");
    let request = claims.iter().fold(request, |r, (name, value)| r.header(name, value));
    let created = request.json(&by_parts(name)).send().expect(201);
    let location = created.header("location").expect("a location").to_owned();
    location.split("/api/").next().expect("an origin").to_owned()
}

#[test]
fn t27_forwarded_headers_count_from_trusted_proxies_only() {
    let direct = TestServer::start();
    assert_eq!(location(&direct, &CLAIMS, "a"), "http://own.example");
    let elsewhere = TestServer::with("http.trusted_proxies = ['10.0.0.1']");
    assert_eq!(location(&elsewhere, &CLAIMS, "a"), "http://own.example");
    let trusting = TestServer::with("http.trusted_proxies = ['127.0.0.1']");
    for (at, (claims, expected)) in [
        (&CLAIMS[..2], "https://evil.example"),
        (&CLAIMS[1..2], "https://own.example"),
        (&CLAIMS[..1], "http://evil.example"),
        (&CLAIMS[2..], "http://own.example"),
        (
            &[("X-Forwarded-Proto", "javascript"), ("X-Forwarded-Host", "a/b")][..],
            "http://own.example",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(location(&trusting, claims, &format!("n{at}")), expected, "{claims:?}");
    }
}

#[test]
fn t27_nothing_moves_the_public_url() {
    let settings =
        "http.public_url = 'https://public.example'\nhttp.trusted_proxies = ['127.0.0.1']";
    let server = TestServer::with(settings);
    assert_eq!(location(&server, &CLAIMS, "a"), "https://public.example");
    let _ = server.editor.create(&by_parts("b"));
    let page = server.viewer.request("GET", &format!("{DATASTORES}?page_size=1"));
    let page = CLAIMS.iter().fold(page, |r, (name, value)| r.header(name, value)).send();
    let next = format!("https://public.example{DATASTORES}?page_size=1&page=2");
    assert_eq!(page.expect(200).json()["next"], json!(next));
}
