//! Two servers on one database: what one did, the other knows at its next request.

use datastore_tests::{
    Backend, Client, DATASTORES, Response, TestServer, by_parts, on_both_databases,
};
use serde_json::json;

fn pair(backend: Backend) -> (TestServer, TestServer) {
    let first = TestServer::on(backend, "");
    let second = first.replica("");
    assert_ne!(first.address(), second.address());
    (first, second)
}

fn tag(answer: &Response) -> String {
    answer.header("etag").expect("an entity tag").to_owned()
}

fn t24_a_token_revoked_here_is_refused_there_at_the_next_request(backend: Backend) {
    let (first, second) = pair(backend);
    for _ in 0..20 {
        let token = first.make_token("viewer", false);
        let client = second.client(&token.text);
        let mut kept = client.keep_alive();
        let _ = client.get(DATASTORES).expect(200);
        let _ = kept.send(&client.request("GET", DATASTORES)).expect("an answer").expect(200);
        first.revoke_token(&token);
        // On a connection that was let in before, as on a new one.
        let refused = kept.send(&client.request("GET", DATASTORES)).expect("an answer");
        refused.problem(401, "unauthenticated");
        client.get(DATASTORES).problem(401, "unauthenticated");
        first.client(&token.text).get(DATASTORES).problem(401, "unauthenticated");
    }
}

fn what_is_changed_here_is_seen_there(backend: Backend) {
    let (first, second) = pair(backend);
    let created = first.editor.post(DATASTORES, &by_parts("a")).expect(201);
    let path = datastore_tests::path_of(&created.json());
    let seen = second.editor.get(&path).expect(200);
    assert_eq!((&seen.body, tag(&seen)), (&created.body, tag(&created)));
    let mut known = tag(&created);
    for n in 0..10 {
        let (writer, reader) = if n % 2 == 0 { (&first, &second) } else { (&second, &first) };
        let with_tag = |client: &Client, method: &str, name: &str, tag: &str| {
            client.request(method, &path).header(name, tag)
        };
        let _ = with_tag(&reader.editor, "GET", "If-None-Match", &known).send().expect(304);
        let patch = json!({"description": format!("change {n}")});
        let changed = with_tag(&writer.editor, "PATCH", "If-Match", &known).json(&patch).send();
        let changed = changed.expect(200);
        // The old tag neither matches nor spares the body.
        let read = with_tag(&reader.editor, "GET", "If-None-Match", &known).send().expect(200);
        assert_eq!((&read.body, tag(&read)), (&changed.body, tag(&changed)));
        let late = with_tag(&reader.editor, "PATCH", "If-Match", &known)
            .json(&json!({"description": "x"}));
        late.send().problem(412, "precondition_failed");
        with_tag(&reader.editor, "DELETE", "If-Match", &known)
            .send()
            .problem(412, "precondition_failed");
        let listed = reader.editor.get(DATASTORES).expect(200).json();
        assert_eq!(listed["results"], json!([changed.json()]));
        known = tag(&changed);
    }
}

fn what_is_deleted_here_is_gone_there(backend: Backend) {
    let (first, second) = pair(backend);
    for round in 0..10 {
        let (here, there) = if round % 2 == 0 { (&first, &second) } else { (&second, &first) };
        let path = here.editor.create_at(&by_parts("the name"));
        let _ = there.editor.get(&path).expect(200);
        let _ = here.editor.delete(&path).expect(204);
        there.editor.get(&path).problem(404, "not_found");
        there.editor.patch(&path, &json!({"port": 1})).problem(404, "not_found");
        there.editor.delete(&path).problem(404, "not_found");
        let dataset = format!("{path}current-datasets/d/");
        there.matcher.put(&dataset, &json!({})).problem(404, "not_found");
        assert_eq!(there.viewer.get(DATASTORES).json()["count"], 0);
    }
}

fn what_is_assigned_here_blocks_deletion_there(backend: Backend) {
    let (first, second) = pair(backend);
    for round in 0..10 {
        let (here, there) = if round % 2 == 0 { (&first, &second) } else { (&second, &first) };
        let path = here.editor.create_at(&by_parts("a"));
        let dataset = format!("{path}current-datasets/orders/");
        let _ = here.matcher.put(&dataset, &json!({"name": "Orders"})).expect(201);
        let refused = there.editor.delete(&path).problem(409, "datastore_in_use");
        assert_eq!(refused["datasets"], json!(["orders"]));
        let other = there.editor.create_at(&by_parts("b"));
        let elsewhere = there.matcher.put(&format!("{other}current-datasets/orders/"), &json!({}));
        elsewhere.problem(409, "dataset_assigned_elsewhere");
        let _ = there.matcher.delete(&dataset).expect(204);
        let _ = here.editor.delete(&path).expect(204);
        let _ = here.editor.delete(&other).expect(204);
    }
}

on_both_databases!(
    t24_a_token_revoked_here_is_refused_there_at_the_next_request,
    what_is_changed_here_is_seen_there,
    what_is_deleted_here_is_gone_there,
    what_is_assigned_here_blocks_deletion_there,
);
