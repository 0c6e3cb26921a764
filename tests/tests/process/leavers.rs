//! T35: clients that leave once their write is sent: it is done as a whole or not at all, and
//! whoever comes next need not wait.

use crate::history::assert_tells_what_is_stored;
use datastore_tests::{
    Backend, Client, DATASTORES, Installation, Request, by_parts, connect, on_both_databases,
    path_of, with,
};
use rustix::net::sockopt::set_socket_linger;
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::{Duration, Instant};

const LEAVERS: u64 = 200;

/// Members of a write that belong together.
fn members(number: u64) -> Value {
    json!({"description": format!("of {number}"), "max_connections": number})
}

/// Sends a request and leaves: one after the other at another moment of the time that a write takes,
/// and every second time with a reset, which the server notices while it works. Says whether it
/// left without an answer.
fn leave(client: &Client, request: &Request, number: u64, write: Duration) -> bool {
    let mut stream = connect(client.address()).expect("the server listens");
    stream.write_all(&request.to_bytes()).expect("sent");
    // For its answer it waits a part of that time.
    let patience = write.mul_f64((number / 4 % 12) as f64 / 10.0);
    let mut is_answered = false;
    if !patience.is_zero() {
        stream.set_read_timeout(Some(patience)).expect("a time above zero");
        is_answered = stream.peek(&mut [0]).is_ok();
    }
    if (number / 2).is_multiple_of(2) {
        set_socket_linger(&stream, Some(Duration::ZERO)).expect("a socket");
    }
    !is_answered
}

fn t35_a_client_that_leaves_in_a_write_leaves_nothing_half_done(backend: Backend) {
    let installation = Installation::new(backend);
    let server = installation.serve(&[]);
    let token = installation.token("admin");
    let admin = Client::new(server.address(), Some(token.clone()));
    let path = path_of(&admin.create(&with(by_parts("stays"), members(1))));
    let mut next = admin.keep_alive();
    let (mut patched, mut unanswered, mut write) = (0, 0, Duration::ZERO);
    for number in 2..2 + LEAVERS {
        let request = if number.is_multiple_of(2) {
            let body = with(by_parts(&format!("name {number}")), members(number));
            admin.request("POST", DATASTORES).json(&body)
        } else {
            admin.request("PATCH", &path).json(&members(number))
        };
        unanswered += u64::from(leave(&admin, &request, number, write));
        // In the same turn and the same lane as a change of the one who left.
        let request = admin.request("PATCH", &path).json(&json!({"avg_response_time_ms": number}));
        let begin = Instant::now();
        let answer = next.send(&request).expect("an answer").expect(200).json();
        write = begin.elapsed();
        let limit = answer["max_connections"].as_u64().expect("a number");
        assert_eq!(with(answer.clone(), members(limit)), answer, "half of a write");
        patched += u64::from(limit == number);
    }
    let log = server.terminate();
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
    // Nothing is on its way any more.
    installation.await_quiet();
    let server = installation.serve(&[]);
    let admin = Client::new(server.address(), Some(token));
    let mut database = installation.database();
    assert_tells_what_is_stored(&mut database, &admin);
    let created = database.number("SELECT count(*) - 1 AS value FROM datastores");
    let done = patched + u64::try_from(created).expect("no fewer than one");
    assert!(done > 0, "no write of those who left was done");
    assert!(unanswered > 0, "everybody had an answer when they left");
    let _ = server.terminate();
}

on_both_databases!(t35_a_client_that_leaves_in_a_write_leaves_nothing_half_done);
