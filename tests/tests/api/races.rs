//! T38: what happens at the same moment.

use datastore_tests::{DATASTORES, TestServer, by_parts};
use serde_json::json;
use std::sync::Barrier;

#[test]
fn t38_one_name_goes_to_one_of_twenty() {
    let server = TestServer::start();
    let start = Barrier::new(20);
    let create = || {
        start.wait();
        server.editor.post(DATASTORES, &by_parts("the one")).status
    };
    let mut statuses = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..20).map(|_| scope.spawn(create)).collect();
        let answers = writers.into_iter().map(|writer| writer.join().expect("an answer"));
        answers.collect::<Vec<_>>()
    });
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, &[409; 19][..]));
    assert_eq!(server.viewer.get(DATASTORES).json()["count"], 1);
}

#[test]
fn t38_a_datastore_is_never_deleted_and_assigned_to() {
    const ASSIGNERS: usize = 6;
    let server = TestServer::with("http.workers = 4");
    let mut deletions = 0;
    for round in 0..200 {
        let path = server.editor.create_at(&by_parts(&format!("n{round}")));
        let start = Barrier::new(ASSIGNERS + 1);
        let assign = |dataset: usize| {
            let target = format!("{path}current-datasets/d{round}-{dataset}/");
            start.wait();
            server.matcher.put(&target, &json!({})).status
        };
        let (deleted, assigned) = std::thread::scope(|scope| {
            let assign = &assign;
            let assigners: Vec<_> =
                (0..ASSIGNERS).map(|dataset| scope.spawn(move || assign(dataset))).collect();
            start.wait();
            let deleted = server.editor.delete(&path).status;
            let answers = assigners.into_iter().map(|thread| thread.join().expect("an answer"));
            (deleted, answers.collect::<Vec<_>>())
        });
        // Once one is assigned, nothing deletes it; once it is deleted, nothing is assigned.
        let expected = if deleted == 204 { 404 } else { 201 };
        assert!([204, 409].contains(&deleted), "round {round}: {deleted}");
        assert!(
            assigned.iter().all(|status| *status == expected),
            "round {round}: {deleted} {assigned:?}"
        );
        deletions += i64::from(deleted == 204);
    }
    let mut database = server.database();
    let broken = "SELECT count(*) AS value FROM assignments a JOIN datastores d ON d.id = a.datastore_id \
                  WHERE a.released_at IS NULL AND d.deleted_at IS NOT NULL";
    assert_eq!(database.number(broken), 0);
    assert_eq!(server.viewer.get(DATASTORES).json()["count"], 200 - deletions);
}

#[test]
fn t38_one_dataset_goes_to_one_of_eight() {
    let server = TestServer::start();
    let paths: Vec<_> =
        (0..8).map(|n| server.editor.create_at(&by_parts(&format!("n{n}")))).collect();
    for round in 0..20 {
        let start = Barrier::new(paths.len());
        let assign = |path: &str| {
            start.wait();
            server.matcher.put(&format!("{path}current-datasets/d{round}/"), &json!({})).status
        };
        let mut statuses = std::thread::scope(|scope| {
            let writers: Vec<_> = paths.iter().map(|path| scope.spawn(|| assign(path))).collect();
            let answers = writers.into_iter().map(|writer| writer.join().expect("an answer"));
            answers.collect::<Vec<_>>()
        });
        statuses.sort_unstable();
        assert_eq!((statuses[0], &statuses[1..]), (201, &[409; 7][..]));
    }
}

#[test]
fn t38_writers_of_one_datastore_leave_a_history_without_gaps() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (server, path) = (&server, &path);
            scope.spawn(move || {
                for n in 0..10 {
                    let patch = json!({"description": format!("{writer} {n}")});
                    let _ = server.editor.patch(path, &patch).expect(200);
                }
            });
        }
    });
    let query =
        "SELECT CAST(version AS TEXT) AS value FROM history WHERE datastore_id = 1 ORDER BY id";
    let versions = server.database().lines(query);
    let expected: Vec<_> = (1..=81).map(|version: i32| version.to_string()).collect();
    assert_eq!(versions, expected);
}
