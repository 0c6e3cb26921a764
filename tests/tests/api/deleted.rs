//! `GET /api/v1/datastores/?deleted=true` and `POST {id}/restore/`

use crate::list::names;
use datastore_tests::{DATASTORES, TestServer, by_parts, by_string, with};
use serde_json::{Value, json};

fn remove(server: &TestServer, body: &Value) -> String {
    let path = server.editor.create_at(body);
    let _ = server.editor.delete(&path).expect(204);
    path
}

#[test]
fn deleted_ones_are_listed_apart_with_the_time_of_their_deletion() {
    let server = TestServer::start();
    let before = server.editor.create(&by_parts("gone"));
    let _ = server.editor.delete(&datastore_tests::path_of(&before)).expect(204);
    let _ = server.editor.create(&by_parts("lives"));
    let list = server.admin.get(&format!("{DATASTORES}?deleted=true")).expect(200);
    let row = &list.json()["results"][0];
    assert_eq!(list.json()["count"], 1);
    let deleted_at = row["deleted_at"].as_str().expect("a time").to_owned();
    assert!(deleted_at.len() == 27 && deleted_at.ends_with('Z'), "{deleted_at}");
    assert!(deleted_at.as_str() >= before["created_at"].as_str().expect("a time"));
    assert_eq!(*row, with(before, json!({"deleted_at": deleted_at})));
    // After all other members, and in this list only.
    assert!(
        list.text().contains(&format!("\"deleted_at\":\"{deleted_at}\"}}]")),
        "{}",
        list.text()
    );
    for query in ["", "?deleted=false"] {
        for client in [&server.viewer, &server.admin] {
            let living = client.get(&format!("{DATASTORES}{query}")).expect(200);
            assert_eq!(living.json()["count"], 1);
            assert_eq!(living.json()["results"][0]["name"], "lives");
            assert!(!living.text().contains("deleted_at"), "{}", living.text());
        }
    }
}

#[test]
fn deleted_ones_have_filters_orderings_and_both_ways_of_paging() {
    let server = TestServer::start();
    for name in ["b", "a", "c"] {
        let _ = remove(&server, &by_parts(name));
    }
    let mongo = by_string("m", "mongodb", "mongodb://u:p@h.example/d");
    let _ = remove(&server, &mongo);
    // One name may be deleted many times.
    let _ = remove(&server, &by_parts("b"));
    let admin = &server.admin;
    assert_eq!(names(admin, "deleted=true&ordering=name"), ["a", "b", "b", "c", "m"]);
    assert_eq!(names(admin, "deleted=true&type=document"), ["m"]);
    assert_eq!(names(admin, "deleted=true&search=A"), ["a"]);
    assert_eq!(names(admin, "deleted=true&ordering=-name&page_size=2&page=3"), ["a"]);
    let mut query = "deleted=true&ordering=name&page_size=2&cursor=".to_owned();
    let mut seen = Vec::new();
    loop {
        seen.extend(names(admin, &query));
        let page = admin.get(&format!("{DATASTORES}?{query}")).expect(200).json();
        let Some((_, next)) = page["next"].as_str().and_then(|next| next.split_once('?')) else {
            break;
        };
        query = next.to_owned();
    }
    assert_eq!(seen, ["a", "b", "b", "c", "m"]);
}

#[test]
fn only_admins_see_deleted_ones() {
    let server = TestServer::start();
    for client in [&server.viewer, &server.matcher, &server.editor] {
        for query in
            ["deleted=true", "deleted=true&nope=1&page_size=0&cursor=x", "deleted=true&deleted=x"]
        {
            let problem = client.get(&format!("{DATASTORES}?{query}")).problem(403, "forbidden");
            assert!(problem["detail"].as_str().is_some_and(|d| d.contains("admin")), "{problem}");
        }
        let answer = client.get(&format!("{DATASTORES}?deleted=yes"));
        assert_eq!(answer.errors(400, "invalid_query"), ["deleted:invalid_value"]);
    }
}

#[test]
fn what_is_restored_is_as_it_was() {
    let server = TestServer::start();
    let created = server.editor.create(&by_parts("a"));
    let path = datastore_tests::path_of(&created);
    let sealed = server.sealed(&path);
    let _ = server.editor.delete(&path).expect(204);
    let restore = format!("{path}restore/");
    // Neither body nor content type is needed.
    let restored = server.admin.request("POST", &restore).send().expect(200);
    let now = restored.json();
    assert_eq!(restored.header("etag"), Some("\"3-c\""));
    assert!(now["updated_at"].as_str() >= created["updated_at"].as_str());
    let expected = with(created, json!({"updated_at": now["updated_at"]}));
    assert_eq!(now, expected);
    assert_eq!(server.sealed(&path), sealed);
    assert_eq!(server.editor.get(&path).expect(200).json(), now);
    assert_eq!(names(&server.viewer, ""), ["a"]);
    // Again: nothing changes, and nothing is entered.
    for body in [json!({}), json!({})] {
        let again = server.admin.post(&restore, &body).expect(200);
        assert_eq!((again.json(), again.header("etag")), (now.clone(), Some("\"3-c\"")));
    }
    let history = server.admin.get(&format!("{path}history/")).expect(200).json();
    let actions: Vec<_> =
        history["results"].as_array().expect("rows").iter().map(|e| &e["action"]).collect();
    assert_eq!(actions, ["restore", "delete", "create"]);
    let entry = &history["results"][0];
    assert_eq!((&entry["version"], &entry["actor"]), (&json!(3), &json!("admin-token")));
    assert_eq!((&entry["changes"], &entry["at"]), (&json!({}), &now["updated_at"]));
    // It can be deleted once more.
    let _ = server.editor.delete(&path).expect(204);
    let _ = server.admin.request("POST", &restore).send().expect(200);
}

#[test]
fn a_restore_is_refused_when_the_name_is_taken_and_when_there_is_nothing() {
    let server = TestServer::start();
    let path = remove(&server, &by_parts("a"));
    let other = server.editor.create_at(&by_parts("a"));
    let restore = format!("{path}restore/");
    let refused = server.admin.request("POST", &restore).send();
    assert_eq!(refused.errors(409, "name_taken"), ["name:name_taken"]);
    assert_eq!(server.viewer.get(&path).status, 404);
    let _ = server.editor.patch(&other, &json!({"name": "b"})).expect(200);
    let _ = server.admin.request("POST", &restore).send().expect(200);
    for id in ["99", "0", "x", "-1"] {
        let nowhere = server.admin.request("POST", &format!("{DATASTORES}{id}/restore/")).send();
        nowhere.problem(404, "not_found");
    }
    let body = json!({"name": "c", "force": true});
    let unknown = server.admin.post(&restore, &body).errors(400, "validation_failed");
    assert_eq!(unknown, ["force:unknown_member", "name:unknown_member"]);
}

#[test]
fn a_restore_holds_against_the_version_that_is_named() {
    let server = TestServer::start();
    let created = server.editor.post(DATASTORES, &by_parts("a")).expect(201);
    let path = datastore_tests::path_of(&created.json());
    let _ = server.editor.delete(&path).expect(204);
    let restore = |tag: &str| {
        let request = server.admin.request("POST", &format!("{path}restore/"));
        request.header("If-Match", tag).send()
    };
    // That of before the deletion, and of none.
    for stale in [created.header("etag").expect("a tag"), "\"3-c\"", "\"2\"", "W/\"2-c\"", "x"] {
        restore(stale).problem(412, "precondition_failed");
        server.admin.get(&path).problem(404, "not_found");
    }
    // 409 comes after 412.
    let rival = server.editor.create_at(&by_parts("a"));
    restore("\"1-c\"").problem(412, "precondition_failed");
    restore("\"2-c\"").problem(409, "name_taken");
    let _ = server.editor.delete(&rival).expect(204);
    let restored = restore("\"1-c\", \"2-c\"").expect(200);
    assert_eq!(restored.header("etag"), Some("\"3-c\""));
    // Of one that lives, too.
    restore("\"2-c\"").problem(412, "precondition_failed");
    for holds in ["\"3-c\"", "*"] {
        assert_eq!(restore(holds).expect(200).header("etag"), Some("\"3-c\""));
    }
}

#[test]
fn of_many_restores_one_is_entered_and_of_two_names_one_comes_back() {
    let server = TestServer::start();
    let path = remove(&server, &by_parts("a"));
    let rival = remove(&server, &by_parts("a"));
    let status = std::thread::scope(|scope| {
        let calls: Vec<_> = [&path, &rival, &path, &rival, &path, &rival]
            .map(|path| {
                let admin = &server.admin;
                let target = format!("{path}restore/");
                scope.spawn(move || admin.request("POST", &target).send().status)
            })
            .into_iter()
            .collect();
        calls.into_iter().map(|call| call.join().expect("an answer")).collect::<Vec<_>>()
    });
    let of = |status: &[u16], wanted: u16| status.iter().filter(|s| **s == wanted).count();
    assert_eq!((of(&status, 200), of(&status, 409)), (3, 3), "{status:?}");
    let audit = server.admin.get("/api/v1/audit/?action=restore").expect(200).json();
    assert_eq!(audit["count"], 1);
    assert_eq!(names(&server.viewer, ""), ["a"]);
}
