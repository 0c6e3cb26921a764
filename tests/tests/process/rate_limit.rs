//! How many requests a token may make.

use datastore_tests::{Client, DATASTORES, Process, Response, by_parts};
use std::time::{Duration, Instant};

/// One a minute, so that what a bucket gains while a test runs is nothing, or is known.
const LIMIT: [(&str, &str); 2] = [
    ("DATASTORE_API__RATE_LIMIT__REQUESTS_PER_MINUTE", "1"),
    ("DATASTORE_API__RATE_LIMIT__BURST", "5"),
];

fn ask(client: &Client) -> Response {
    client.get(DATASTORES)
}

/// Asks until the bucket is empty; how often that was answered, and the refusal.
fn use_up(client: &Client) -> (u64, Response) {
    for answered in 0..1000 {
        let answer = ask(client);
        if answer.status != 200 {
            return (answered, answer);
        }
    }
    panic!("there is no limit");
}

#[test]
fn a_token_that_asks_too_often_is_told_when_to_ask_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::serve(&folder.path().join("data"), &LIMIT);
    let (viewer, other) = (server.client("viewer"), server.client("viewer"));
    let began = Instant::now();
    let (answered, refused) = use_up(&viewer);
    // What is gained in so long a time, were the machine to stand still.
    let gained = began.elapsed().as_secs() / 60 + 1;
    assert!((5..=5 + gained).contains(&answered), "{answered}");
    if began.elapsed() < Duration::from_secs(60) {
        assert_eq!(answered, 5);
    }
    refused.problem(429, "rate_limited");
    let wait: u64 = refused.header("retry-after").expect("is told").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    // Each token has its own.
    assert_eq!(use_up(&other).1.status, 429);
    // What is refused is not looked at any further: neither role nor body.
    viewer.post(DATASTORES, &by_parts("x")).problem(429, "rate_limited");
    // Nothing but what a token asks for is counted.
    let _ = viewer.get("/livez").expect(200);
    let _ = viewer.get("/openapi.json").expect(200);
}

#[test]
fn strangers_are_told_that_they_are_and_use_up_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::serve(&folder.path().join("data"), &LIMIT);
    let viewer = server.client("viewer");
    let token = viewer.token().expect("a token");
    let swapped = if token.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{swapped}", &token[..token.len() - 1]);
    for stranger in [None, Some(forged), Some("dsa_x".to_owned())] {
        let stranger = Client::new(server.address(), stranger);
        for _ in 0..20 {
            ask(&stranger).problem(401, "unauthenticated");
        }
    }
    assert!(use_up(&viewer).0 >= 5);
}

/// What is refused for the role is a request too.
#[test]
fn refused_requests_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::serve(&folder.path().join("data"), &LIMIT);
    let viewer = server.client("viewer");
    for _ in 0..5 {
        viewer.post(DATASTORES, &by_parts("x")).problem(403, "forbidden");
    }
    assert!(use_up(&viewer).0 <= 1);
}

#[test]
fn without_a_limit_nobody_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::serve(&folder.path().join("data"), &[]);
    let viewer = server.client("viewer");
    for _ in 0..200 {
        let _ = ask(&viewer).expect(200);
    }
}
