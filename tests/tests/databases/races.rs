//! T38: a thousand rounds of each race. On PostgreSQL two replicas play against each other, on
//! SQLite two clients of one server.

use datastore_tests::{
    Backend, Client, DATASTORES, KeepAlive, Request, Response, TestServer, by_parts,
    on_both_databases, path_of,
};
use serde_json::{Value, json};
use std::sync::mpsc;

const ROUNDS: usize = 1000;

/// Two servers on one database, or twice the same one.
struct Arena {
    first: TestServer,
    second: Option<TestServer>,
}

/// One of the two who race: a thread that sends what it is given, on a connection that stays open.
struct Player {
    requests: mpsc::Sender<Request>,
    answers: mpsc::Receiver<Response>,
}

impl Arena {
    fn new(backend: Backend) -> Self {
        let first = TestServer::on(backend, "");
        let second = (backend == Backend::Postgres).then(|| first.replica(""));
        Self { first, second }
    }

    fn second(&self) -> &TestServer {
        self.second.as_ref().unwrap_or(&self.first)
    }
}

impl Player {
    fn of(client: &Client) -> Self {
        let (requests, todo) = mpsc::channel::<Request>();
        let (done, answers) = mpsc::channel();
        let mut connection = client.keep_alive();
        std::thread::spawn(move || {
            for request in todo {
                let answer = connection.send(&request).expect("an answer");
                if done.send(answer).is_err() {
                    return;
                }
            }
        });
        Self { requests, answers }
    }
}

/// Sends both at the same moment, as far as two threads can.
fn race(players: &[Player; 2], requests: [Request; 2]) -> [Response; 2] {
    for (player, request) in players.iter().zip(requests) {
        player.requests.send(request).expect("the player lives");
    }
    players.each_ref().map(|player| player.answers.recv().expect("an answer"))
}

fn players(arena: &Arena) -> [Player; 2] {
    [Player::of(&arena.first.editor), Player::of(&arena.second().editor)]
}

/// Sends a request that has to succeed, and reads its body.
#[track_caller]
fn done(connection: &mut KeepAlive, request: &Request, status: u16) -> Value {
    let answer = connection.send(request).expect("an answer").expect(status);
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

/// Whether each of the two won at least once: otherwise they hardly met.
#[track_caller]
fn assert_both_won(wins: [usize; 2]) {
    assert!(wins.iter().all(|wins| *wins > 0), "one was always first: {wins:?}");
}

fn t38_one_name_goes_to_one_of_two(backend: Backend) {
    let arena = Arena::new(backend);
    let players = players(&arena);
    let (a, b) = (&arena.first.editor, &arena.second().editor);
    let mut wins = [0, 0];
    for round in 0..ROUNDS {
        let body = by_parts(&format!("name {round}"));
        let answers = race(&players, [a, b].map(|c| c.request("POST", DATASTORES).json(&body)));
        let winner = usize::from(answers[0].status != 201);
        let statuses = [answers[winner].status, answers[1 - winner].status];
        assert_eq!(statuses, [201, 409], "round {round}");
        answers[1 - winner].problem(409, "name_taken");
        wins[winner] += 1;
    }
    assert_eq!(arena.first.viewer.get(DATASTORES).json()["count"], ROUNDS);
    assert_both_won(wins);
}

fn t38_delete_against_assign_is_never_both(backend: Backend) {
    let arena = Arena::new(backend);
    let players = players(&arena);
    let (deleter, assigner) = (&arena.first.admin, &arena.second().admin);
    let mut beside = deleter.keep_alive();
    let mut wins = [0, 0];
    for round in 0..ROUNDS {
        let create = deleter.request("POST", DATASTORES).json(&by_parts(&format!("n{round}")));
        let path = path_of(&done(&mut beside, &create, 201));
        let dataset = format!("{path}current-datasets/d{round}/");
        let requests =
            [deleter.request("DELETE", &path), assigner.request("PUT", &dataset).json(&json!({}))];
        let [deleted, assigned] = race(&players, requests);
        let current = assigner.request("GET", &format!("{path}current-datasets/"));
        if deleted.status == 204 {
            assigned.problem(404, "not_found");
            beside.send(&current).expect("an answer").problem(404, "not_found");
            wins[0] += 1;
        } else {
            deleted.problem(409, "datastore_in_use");
            let _ = assigned.expect(201);
            assert_eq!(done(&mut beside, &current, 200)["count"], 1, "round {round}");
            wins[1] += 1;
        }
    }
    let mut database = arena.first.database();
    let broken = "SELECT count(*) AS value FROM assignments a JOIN datastores d \
                  ON d.id = a.datastore_id WHERE a.released_at IS NULL AND d.deleted_at IS NOT NULL";
    assert_eq!(database.number(broken), 0);
    assert_both_won(wins);
}

fn t38_two_patches_of_different_fields_both_survive(backend: Backend) {
    let arena = Arena::new(backend);
    let players = players(&arena);
    let (a, b) = (&arena.first.editor, &arena.second().editor);
    let mut beside = a.keep_alive();
    let mut wins = [0, 0];
    for round in 0..ROUNDS {
        let create = a.request("POST", DATASTORES).json(&by_parts(&format!("n{round}")));
        let path = path_of(&done(&mut beside, &create, 201));
        let (description, port) = (format!("of round {round}"), 1 + round);
        let requests = [
            a.request("PATCH", &path).json(&json!({"description": description})),
            b.request("PATCH", &path).json(&json!({"port": port, "password": "anew"})),
        ];
        let answers = race(&players, requests).map(|answer| answer.expect(200));
        // Whoever came second answers with what the first one wrote.
        let last = usize::from(answers[1].header("etag") == Some("\"3-c\""));
        let stored = beside.send(&a.request("GET", &path)).expect("an answer").expect(200);
        let stored = stored.json();
        assert_eq!(answers[last].json(), stored, "round {round}");
        assert_eq!((&stored["description"], &stored["port"]), (&json!(description), &json!(port)));
        wins[1 - last] += 1;
    }
    let mut database = arena.first.database();
    let versions = "SELECT count(*) AS value FROM (SELECT datastore_id FROM history \
                    WHERE datastore_id IS NOT NULL GROUP BY datastore_id \
                    HAVING count(*) = 3 AND count(DISTINCT version) = 3 AND max(version) = 3) whole";
    assert_eq!(database.number(versions), i64::try_from(ROUNDS).expect("small"));
    assert_both_won(wins);
}

fn t38_a_name_is_restored_or_given_anew(backend: Backend) {
    let arena = Arena::new(backend);
    let players = players(&arena);
    let (restorer, creator) = (&arena.first.admin, &arena.second().editor);
    let mut beside = restorer.keep_alive();
    let mut wins = [0, 0];
    for round in 0..ROUNDS {
        let create = creator.request("POST", DATASTORES).json(&by_parts(&format!("n{round}")));
        let path = path_of(&done(&mut beside, &create, 201));
        done(&mut beside, &restorer.request("DELETE", &path), 204);
        let restore = restorer.request("POST", &format!("{path}restore/"));
        let [restored, created] = race(&players, [restore, create]);
        if restored.status == 200 {
            created.problem(409, "name_taken");
            assert_eq!(path_of(&restored.json()), path);
            wins[0] += 1;
        } else {
            restored.problem(409, "name_taken");
            assert_ne!(path_of(&created.expect(201).json()), path);
            wins[1] += 1;
        }
    }
    assert_eq!(arena.first.viewer.get(DATASTORES).json()["count"], ROUNDS);
    let mut database = arena.first.database();
    // Who lives has as many versions as entries, and who is deleted was restored never.
    let broken = "SELECT count(*) AS value FROM datastores d WHERE \
                  (SELECT count(*) FROM history h WHERE h.datastore_id = d.id) <> d.version \
                  OR (d.deleted_at IS NOT NULL) <> (d.version = 2)";
    assert_eq!(database.number(broken), 0);
    assert_both_won(wins);
}

on_both_databases!(
    t38_a_name_is_restored_or_given_anew,
    t38_one_name_goes_to_one_of_two,
    t38_delete_against_assign_is_never_both,
    t38_two_patches_of_different_fields_both_survive,
);
