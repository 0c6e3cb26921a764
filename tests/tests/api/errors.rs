//! The order in which a request is refused, and what media types a body may have.

use datastore_tests::{Client, DATASTORES, Request, TestServer, by_parts};
use serde_json::json;

/// More than a body may hold.
fn huge() -> Vec<u8> {
    vec![b' '; 256 * 1024 + 1]
}

/// A write by `client` that is wrong in every way that `faults` name.
fn write(client: &Client, method: &str, target: &str, faults: &[&str]) -> Request {
    let has = |fault: &str| faults.contains(&fault);
    let query = if has("query") { "?nope=1" } else { "" };
    let media = if has("media") { "text/plain" } else { "application/json" };
    let body = match () {
        () if has("size") => huge(),
        () if has("syntax") => b"{".to_vec(),
        () if has("rules") => br#"{"name":""}"#.to_vec(),
        () => json!({"name": "taken"}).to_string().into_bytes(),
    };
    let request = client.request(method, &format!("{target}{query}"));
    let request = request.header("Content-Type", media).body(body);
    if has("version") { request.header("If-Match", "\"99-c\"") } else { request }
}

#[test]
fn the_order_of_refusals_is_that_of_the_contract() {
    let server = TestServer::start();
    let _ = server.editor.create(&by_parts("taken"));
    let path = server.editor.create_at(&by_parts("a"));
    let unknown = format!("{DATASTORES}99/");
    let all = ["media", "size", "syntax", "rules", "query", "version"];
    let of = |client: &Client, target: &str, faults: &[&str]| {
        write(client, "PATCH", target, faults).send()
    };
    of(&server.anonymous, &unknown, &all).problem(401, "unauthenticated");
    of(&server.viewer, &unknown, &all).problem(403, "forbidden");
    of(&server.editor, &unknown, &all).problem(404, "not_found");
    of(&server.editor, &path, &all).problem(415, "unsupported_media_type");
    of(&server.editor, &path, &all[1..]).problem(413, "content_too_large");
    of(&server.editor, &path, &all[2..]).problem(400, "malformed_json");
    assert_eq!(of(&server.editor, &path, &["rules", "version"]).status, 400);
    of(&server.editor, &path, &["query", "version"]).problem(400, "invalid_query");
    of(&server.editor, &path, &["version"]).problem(412, "precondition_failed");
    of(&server.editor, &path, &[]).problem(409, "name_taken");
}

#[test]
fn every_write_is_refused_in_this_order() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let unknown = format!("{DATASTORES}99/");
    for (method, below, role) in [
        ("PUT", "", &server.editor),
        ("PATCH", "", &server.editor),
        ("POST", "test-connection/", &server.editor),
        ("PUT", "current-datasets/d/", &server.matcher),
    ] {
        let all = ["media", "size"];
        let of = |client: &Client, base: &str, faults: &[&str]| {
            write(client, method, &format!("{base}{below}"), faults).send()
        };
        of(&server.anonymous, &unknown, &all).problem(401, "unauthenticated");
        of(&server.viewer, &unknown, &all).problem(403, "forbidden");
        of(role, &unknown, &all).problem(404, "not_found");
        of(role, &path, &all).problem(415, "unsupported_media_type");
        of(role, &path, &["size"]).problem(413, "content_too_large");
        of(role, &path, &["syntax"]).problem(400, "malformed_json");
    }
    write(&server.anonymous, "POST", DATASTORES, &["media"]).send().problem(401, "unauthenticated");
    write(&server.matcher, "POST", DATASTORES, &["media"]).send().problem(403, "forbidden");
    write(&server.editor, "POST", DATASTORES, &["media", "size"])
        .send()
        .problem(415, "unsupported_media_type");
    write(&server.editor, "POST", DATASTORES, &["size"]).send().problem(413, "content_too_large");
    // What deletes takes no body.
    server.viewer.delete(&unknown).problem(403, "forbidden");
    server.editor.delete(&unknown).problem(404, "not_found");
    server.editor.delete(&format!("{path}?nope=1")).problem(400, "invalid_query");
}

#[test]
fn media_types() {
    let server = TestServer::start();
    let mut number = 0;
    let mut post = |headers: &[(&str, &str)]| {
        number += 1;
        let request = server.editor.request("POST", DATASTORES);
        let request = headers.iter().fold(request, |r, (name, value)| r.header(name, value));
        request.body(by_parts(&format!("n{number}")).to_string()).send()
    };
    for media in [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        "application/json ; charset=\"utf-8\"",
        "application/json;",
        "application/json; x=y",
    ] {
        assert_eq!(post(&[("Content-Type", media)]).status, 201, "{media}");
    }
    for media in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/problem+json",
        "application/merge-patch+json",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "application/json, text/plain",
    ] {
        post(&[("Content-Type", media)]).problem(415, "unsupported_media_type");
    }
    post(&[]).problem(415, "unsupported_media_type");
    post(&[("Content-Type", "application/json"), ("Content-Type", "text/plain")])
        .problem(415, "unsupported_media_type");
    let json = ("Content-Type", "application/json");
    assert_eq!(post(&[json, ("Content-Encoding", "identity")]).status, 201);
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, identity", "x"] {
        post(&[json, ("Content-Encoding", encoding)]).problem(415, "unsupported_media_type");
    }
}

#[test]
fn t30_a_body_may_have_256_kib_whole_or_in_chunks() {
    let server = TestServer::start();
    let padded = |length: usize| {
        let mut body = by_parts("a").to_string().into_bytes();
        body.resize(length, b' ');
        body
    };
    let json = |body: Vec<u8>| {
        let request = server.editor.request("POST", DATASTORES);
        request.header("Content-Type", "application/json").body(body)
    };
    json(padded(256 * 1024 + 1)).send().problem(413, "content_too_large");
    let _ = json(padded(256 * 1024)).send().expect(201);
    let chunked = |body: &[u8]| {
        let request = server.editor.request("POST", DATASTORES);
        let request = request.header("Content-Type", "application/json");
        let mut bytes = request.header("Transfer-Encoding", "chunked").to_bytes();
        for chunk in body.chunks(60_000) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        let answer = server.editor.raw(&bytes);
        datastore_tests::Response::parse(&answer, false).expect("an answer")
    };
    chunked(&padded(256 * 1024 + 1)).problem(413, "content_too_large");
    chunked(&padded(256 * 1024)).problem(409, "name_taken");
}

#[test]
fn a_problem_has_the_members_of_the_contract() {
    let server = TestServer::start();
    let request = server.editor.request("GET", &format!("{DATASTORES}99/"));
    let answer = request.header("X-Request-Id", "from-the-client").send();
    let expected = json!({
        "type": "urn:datastore-api:problem:not_found", "title": "There is no such thing",
        "status": 404, "detail": "There is no such datastore.", "instance": "from-the-client",
        "code": "not_found",
    });
    assert_eq!(answer.problem(404, "not_found"), expected);
}
