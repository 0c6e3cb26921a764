//! Connections that break around COMMIT, and transactions that meet others, on PostgreSQL.

use crate::support::private::Private;
use datastore_domain::Action;
use datastore_persistence::{PoolSettings, Storage};
use datastore_ports::{
    AssignmentError, DatasetAssignments as _, DatastoreRepository as _, RepositoryError,
    StorageFault,
};
use datastore_testkit::{Fault, FaultyProxy, assignment, at, entry, new_datastore};
use std::time::Duration;

async fn insert(storage: &Storage, name: &str) -> Result<(), RepositoryError> {
    storage.insert(new_datastore(name), entry(Action::Create)).await.map(|_| ())
}

/// Whether the datastore is there when the connection breaks in its COMMIT.
async fn break_in_commit(fault: Fault) -> bool {
    let private = Private::start().await;
    let mut proxy = FaultyProxy::before(private.server.port()).await;
    let settings = PoolSettings { deadline: Duration::from_secs(2), ..PoolSettings::default() };
    let storage = private.open_at(proxy.port(), settings);
    insert(&storage, "before").await.expect("stores");
    proxy.set(fault).await;
    let answer = insert(&storage, "cut").await;
    assert!(matches!(answer, Err(RepositoryError::OutcomeUnknown(_))), "{answer:?}");
    // Once: not tried again.
    proxy.cut(1).await;
    proxy.set(Fault::None).await;
    insert(&storage, "after").await.expect("the next one has a new connection");
    private.assert_true(&[("cut".to_owned(), answer)]).await;
    private.execute("SELECT name FROM datastores WHERE name = 'cut'") == "cut"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t36_a_commit_that_the_server_never_saw_is_unknown() {
    assert!(!break_in_commit(Fault::CutBeforeCommit).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t36_a_commit_whose_answer_was_lost_is_unknown() {
    assert!(break_in_commit(Fault::CutAfterCommit).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t36_a_commit_whose_answer_does_not_come_is_unknown() {
    assert!(break_in_commit(Fault::StallAfterCommit).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t36_a_commit_that_a_pooler_answered_for_the_server_is_unknown() {
    assert!(break_in_commit(Fault::PoolerErrorAfterCommit).await);
}

/// Writers beside each other, and a network that fails in every way: nobody is told a lie.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t36_whatever_breaks_what_writers_are_told_is_true() {
    let private = Private::start().await;
    let mut proxy = FaultyProxy::before(private.server.port()).await;
    let settings = PoolSettings { deadline: Duration::from_secs(1), ..PoolSettings::default() };
    let storage = private.open_at(proxy.port(), settings);
    let faults = [
        Fault::CutAfterCommit,
        Fault::None,
        Fault::CutBeforeCommit,
        Fault::Refuse,
        Fault::StallAfterCommit,
        Fault::None,
        Fault::PoolerErrorAfterCommit,
        Fault::Stall,
    ];
    let mut told = Vec::new();
    for (round, fault) in faults.into_iter().cycle().take(2 * faults.len()).enumerate() {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..4 {
            let (storage, name) = (storage.clone(), format!("{round} {writer}"));
            writers.spawn(async move {
                let answer = insert(&storage, &name).await;
                (name, answer)
            });
        }
        proxy.set(fault).await;
        told.extend(writers.join_all().await);
    }
    proxy.set(Fault::None).await;
    let unknown = |(_, answer): &&(_, Result<(), RepositoryError>)| {
        matches!(answer, Err(RepositoryError::OutcomeUnknown(_)))
    };
    assert!(told.iter().any(|(_, answer)| answer.is_ok()), "{told:?}");
    assert!(told.iter().filter(unknown).count() > 0, "{told:?}");
    private.assert_true(&told).await;
}

/// The session is ended while the insert waits for a lock; COMMIT is far.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t36_a_connection_that_breaks_before_commit_is_replaced_and_the_work_done_once() {
    let private = Private::start().await;
    let storage = private.open_patient();
    insert(&storage, "before").await.expect("stores");
    // Each insert waits for the advisory lock, in a trigger.
    private.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$;
         CREATE TRIGGER wait BEFORE INSERT ON history FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    let holder = private.hold_advisory_lock(7);
    let writer = tokio::spawn({
        let storage = storage.clone();
        async move { insert(&storage, "one").await }
    });
    let ended = private.end_the_session_that_waits();
    assert_ne!(private.the_session_that_waits(), ended, "another one has taken over");
    drop(holder);
    writer.await.expect("joins").expect("stores");
    assert_eq!(private.execute("SELECT count(*) FROM datastores WHERE name = 'one'"), "1");
    assert_eq!((private.count("datastores"), private.count("history")), ("2".into(), "2".into()));
}

/// Makes the next `times` inserts fail with `code`, at once or in COMMIT. The text is not English.
fn fail_inserts(private: &Private, code: &str, times: u32, in_commit: bool) {
    let kind = if in_commit { "CONSTRAINT TRIGGER" } else { "TRIGGER" };
    let when = if in_commit { "DEFERRABLE INITIALLY DEFERRED" } else { "" };
    private.execute(&format!(
        "DROP TRIGGER IF EXISTS fail ON history; DROP SEQUENCE IF EXISTS tries;
         CREATE SEQUENCE tries;
         CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('tries') <= {times} THEN
                 RAISE EXCEPTION 'nicht jetzt' USING ERRCODE = '{code}';
             END IF;
             RETURN NEW;
         END $$;
         CREATE {kind} fail AFTER INSERT ON history {when}
         FOR EACH ROW EXECUTE FUNCTION fail()",
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t37_conflicts_are_tried_again_three_times_and_nothing_else_is() {
    let private = Private::start().await;
    let storage = private.open_patient();
    for in_commit in [false, true] {
        for code in ["40001", "40P01"] {
            fail_inserts(&private, code, 3, in_commit);
            insert(&storage, &format!("{code} {in_commit}")).await.expect("the fourth succeeds");
            fail_inserts(&private, code, 4, in_commit);
            let answer = insert(&storage, "too often").await;
            assert!(matches!(answer, Err(RepositoryError::Unavailable(_))), "{answer:?}");
            assert_eq!(private.execute("SELECT last_value FROM tries"), "4");
        }
    }
    assert_eq!(private.count("datastores"), "4");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t40_errors_are_told_apart_by_code_and_an_error_of_commit_is_no_open_outcome() {
    use RepositoryError::{Internal, Unavailable};
    let private = Private::start().await;
    let storage = private.open_patient();
    for in_commit in [false, true] {
        for code in ["53300", "55P03", "57014", "58000", "XX001"] {
            fail_inserts(&private, code, 1, in_commit);
            let answer = insert(&storage, "refused").await;
            assert!(matches!(answer, Err(Unavailable(_))), "{code}: {answer:?}");
            assert_eq!(private.execute("SELECT last_value FROM tries"), "1", "{code}: once");
        }
        fail_inserts(&private, "22012", 1, in_commit);
        let answer = insert(&storage, "refused").await;
        assert!(matches!(answer, Err(Internal(_))), "{answer:?}");
        fail_inserts(&private, "53100", 1, in_commit);
        let Err(Unavailable(cause)) = insert(&storage, "refused").await else { panic!("stores") };
        assert_eq!(cause.downcast_ref(), Some(&StorageFault::NoSpace));
    }
    assert_eq!(private.count("datastores"), "0");
}

/// A lock that somebody holds ends the statement, on the server, before our own deadline: the
/// connection lives on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t37_a_lock_that_is_not_to_be_had_is_unavailable_and_costs_no_connection() {
    let private = Private::start().await;
    let settings = PoolSettings { deadline: Duration::from_secs(4), ..PoolSettings::default() };
    let storage = private.open(settings);
    insert(&storage, "before").await.expect("stores");
    let before = private.sessions();
    private.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$;
         CREATE TRIGGER wait BEFORE INSERT ON history FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    let holder = private.hold_advisory_lock(7);
    let answer = insert(&storage, "waits").await;
    let Err(RepositoryError::Unavailable(cause)) = answer else { panic!("{answer:?}") };
    assert!(cause.to_string().contains("55P03"), "{cause}");
    assert_eq!(private.sessions(), before);
    drop(holder);
    insert(&storage, "after").await.expect("stores");
}

/// A dataset that others move on whenever it is looked for: the trigger lets nobody end what was
/// found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t38_a_dataset_that_moves_on_each_time_is_given_up_and_stays_where_it_is() {
    let private = Private::start().await;
    let storage = private.open_patient();
    let create = |name| storage.insert(new_datastore(name), entry(Action::Create));
    let (here, there) = (create("here").await, create("there").await);
    let (here, there) = (here.expect("stores").id, there.expect("stores").id);
    let assign = |to, time| storage.assign(to, assignment("d", time), true, entry(Action::Assign));
    assign(there, at(1)).await.expect("nothing is in the way");
    private.execute(
        "CREATE SEQUENCE looks;
         CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM nextval('looks'); RETURN NULL; END $$;
         CREATE TRIGGER leave BEFORE UPDATE ON assignments FOR EACH ROW EXECUTE FUNCTION leave()",
    );
    let answer = assign(here, at(2)).await;
    let Err(AssignmentError::Storage(error)) = answer else { panic!("{answer:?}") };
    assert!(matches!(error, RepositoryError::VersionConflict), "{error:?}");
    assert_eq!(private.execute("SELECT last_value FROM looks"), "5");
    private.execute("DROP TRIGGER leave ON assignments");
    assert_eq!(private.count("assignments"), "1");
    assign(here, at(3)).await.expect("nothing is in the way");
}
