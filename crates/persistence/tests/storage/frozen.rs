//! PostgreSQL refused, frozen, killed, restarted and demoted, on a server of the test's own.

use crate::support::private::Private;
use datastore_domain::{Action, Check, DatastoreId};
use datastore_persistence::{PoolSettings, SchemaError, Storage};
use datastore_ports::{CheckLog as _, DatastoreRepository as _, RepositoryError, StorageFault};
use datastore_testkit::{PostgresServer, at, entry, new_datastore};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::task::JoinSet;

/// The threat model's limits: an answer of 503 within 2 s from a server that refuses, and within
/// 5 s from one that is frozen.
const REFUSED: Duration = Duration::from_secs(2);
const FROZEN: Duration = Duration::from_secs(5);

const SOME_ID: i64 = 1;

async fn find(storage: &Storage) -> Result<(), RepositoryError> {
    storage.find(DatastoreId::new(SOME_ID).expect("positive")).await.map(|_| ())
}

async fn insert(storage: &Storage, name: &str) -> Result<(), RepositoryError> {
    storage.insert(new_datastore(name), entry(Action::Create)).await.map(|_| ())
}

#[track_caller]
fn assert_unavailable(answer: &Result<(), RepositoryError>) {
    assert!(matches!(answer, Err(RepositoryError::Unavailable(_))), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t40_a_server_that_refuses_is_unavailable_within_two_seconds() {
    let url = "postgres://nobody:s3cret@127.0.0.1:1/nothing".parse().expect("valid");
    let storage = Storage::open(&url, PoolSettings::default()).expect("opens without a server");
    let answer = tokio::time::timeout(REFUSED, storage.ping()).await.expect("in time");
    assert_unavailable(&answer);
    let schema = tokio::time::timeout(REFUSED, storage.schema_state()).await.expect("in time");
    assert!(matches!(schema, Err(SchemaError::Unavailable(_))), "{schema:?}");
    assert!(!format!("{answer:?} {schema:?} {storage:?}").contains("s3cret"));
}

/// More callers than connections: nobody waits for a wait of another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t40_a_frozen_server_is_unavailable_within_five_seconds_and_then_back() {
    let private = Private::start().await;
    let size = 3;
    let storage = private.open(PoolSettings { size, ..PoolSettings::default() });
    // All connections are open: the freeze meets statements, not logins.
    while private.sessions().len() < size as usize {
        let finding = |storage: Storage| async move { find(&storage).await.expect("answers") };
        (0..20).map(|_| finding(storage.clone())).collect::<JoinSet<_>>().join_all().await;
    }
    private.server.freeze();
    let mut callers = JoinSet::new();
    for caller in 0..40 {
        let storage = storage.clone();
        callers.spawn(tokio::time::timeout(FROZEN, async move {
            match caller % 2 {
                0 => find(&storage).await,
                _ => insert(&storage, &format!("frozen {caller}")).await,
            }
        }));
    }
    for answer in callers.join_all().await {
        assert_unavailable(&answer.expect("in time"));
    }
    private.server.thaw();
    find(&storage).await.expect("the first one succeeds");
    insert(&storage, "after").await.expect("the first one succeeds");
    // What was sent into the freeze had no COMMIT.
    assert_eq!(private.count("datastores"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_rested_beyond_the_deadline_is_used_again() {
    let private = Private::start().await;
    let deadline = Duration::from_secs(2);
    let storage = private.open(PoolSettings { deadline, ..PoolSettings::default() });
    find(&storage).await.expect("answers");
    let before = private.sessions();
    private.await_rest(deadline);
    find(&storage).await.expect("answers");
    assert_eq!(private.sessions(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t40_after_a_crash_the_first_call_succeeds() {
    let mut private = Private::start().await;
    let storage = private.open(PoolSettings::default());
    insert(&storage, "before").await.expect("stores");
    for round in 0..2 {
        private.server.kill();
        let refused = tokio::time::timeout(REFUSED, insert(&storage, "lost")).await;
        assert_unavailable(&refused.expect("in time"));
        private.server.start_again();
        insert(&storage, &format!("after {round}")).await.expect("the first one succeeds");
    }
    assert_eq!(private.count("datastores"), "3");
}

/// All connections of the pool are dead, and no call notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t40_no_call_fails_because_of_connections_that_died_in_the_pool() {
    let mut private = Private::start().await;
    let storage = private.open_patient();
    let first = storage.insert(new_datastore("first"), entry(Action::Create)).await;
    let first = first.expect("stores").id;
    for round in 0..2 {
        let mut callers = JoinSet::new();
        for caller in 0..20 {
            let storage = storage.clone();
            callers.spawn(async move {
                if caller % 2 == 0 {
                    let check = Check { at: at(1), failure: None, response_time_ms: None };
                    let entry = entry(Action::ConnectionTest);
                    storage.record(first, check, entry).await.expect("stores");
                }
                insert(&storage, &format!("{round} {caller}")).await.expect("stores");
                find(&storage).await.expect("answers");
            });
        }
        callers.join_all().await;
        private.server.stop();
        private.server.start_again();
    }
    assert_eq!((private.count("datastores"), private.count("checks")), ("41".into(), "20".into()));
}

/// Writers go on while the server is killed and started again. A call that begins after its return
/// succeeds, and what the others were told is true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t40_under_load_a_restart_loses_nothing_that_was_acknowledged() {
    let mut private = Private::start().await;
    let storage = private.open_patient();
    // Counts up with each end and each return: even while the server is there.
    let (era, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let (storage, era, is_over) = (storage.clone(), era.clone(), is_over.clone());
        writers.spawn(async move {
            let mut told = Vec::new();
            for round in 0.. {
                let (begun, last) = (era.load(SeqCst), is_over.load(SeqCst));
                let name = format!("{writer} {round}");
                let answer = insert(&storage, &name).await;
                let was_there = begun % 2 == 0 && era.load(SeqCst) == begun;
                assert!(answer.is_ok() || !was_there, "{answer:?}");
                told.push((name, answer));
                if last {
                    break;
                }
            }
            told
        });
    }
    for round in 0..3 {
        insert(&storage, &format!("between {round}")).await.expect("the server is there");
        era.fetch_add(1, SeqCst);
        private.server.kill();
        private.server.start_again();
        era.fetch_add(1, SeqCst);
    }
    is_over.store(true, SeqCst);
    let told: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    private.assert_true(&told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t40_a_server_that_takes_no_writes_is_named_and_left() {
    let private = Private::start().await;
    let storage = private.open(PoolSettings::default());
    insert(&storage, "before").await.expect("stores");
    let before = private.sessions();
    private.set("default_transaction_read_only = on");
    let refused = insert(&storage, "refused").await;
    let Err(RepositoryError::Unavailable(cause)) = refused else { panic!("{refused:?}") };
    assert_eq!(cause.downcast_ref(), Some(&StorageFault::ReadOnly));
    assert!(before.iter().all(|pid| !private.sessions().contains(pid)), "the connection is left");
    find(&storage).await.expect("reads go on");
    let Err(RepositoryError::Unavailable(cause)) = storage.ping().await else { panic!("ready") };
    assert_eq!(cause.to_string(), "it is read-only");
    private.set("default_transaction_read_only = off");
    storage.ping().await.expect("ready again, by a write of its own");
    insert(&storage, "after").await.expect("stores");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_missing_is_named_until_it_is_there() {
    let private = Private::start().await;
    private.execute(
        "CREATE ROLE app LOGIN PASSWORD 'x'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO app",
    );
    let url = format!("postgres://app:x@127.0.0.1:{}/postgres", private.server.port());
    let url = url.parse().expect("valid");
    let storage = Storage::open(&url, PoolSettings::default()).expect("opens");
    let refused = insert(&storage, "refused").await;
    let Err(RepositoryError::Unavailable(cause)) = refused else { panic!("{refused:?}") };
    assert_eq!(cause.downcast_ref(), Some(&StorageFault::NoRight));
    find(&storage).await.expect("reads go on");
    let Err(RepositoryError::Unavailable(cause)) = storage.ping().await else { panic!("ready") };
    assert_eq!(cause.to_string(), "its user lacks a right");
    private.execute(
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app",
    );
    storage.ping().await.expect("ready again");
    insert(&storage, "after").await.expect("stores");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t40_after_a_demotion_the_next_write_reaches_the_other_server() {
    let (old, new) = (Private::start().await, Private::start().await);
    let url = old.server.url("postgres");
    let (first, _) = url.rsplit_once('/').expect("a database");
    let port = new.server.port();
    let url = format!("{first},127.0.0.1:{port}/postgres?target_session_attrs=read-write");
    let url = url.parse().expect("valid");
    let storage = Storage::open(&url, PoolSettings::default()).expect("opens");
    insert(&storage, "before").await.expect("stores");
    // Several connections to the old one.
    let find_everywhere = async |id: i64| {
        let id = DatastoreId::new(id).expect("positive");
        let finding = |storage: Storage| async move { storage.find(id).await };
        let found: JoinSet<_> = (0..20).map(|_| finding(storage.clone())).collect();
        found.join_all().await.into_iter().map(|found| found.expect("answers")).collect::<Vec<_>>()
    };
    find_everywhere(1).await;
    old.set("default_transaction_read_only = on");
    // The next one has an id that the old one does not know.
    new.execute("SELECT setval(pg_get_serial_sequence('datastores', 'id'), 6)");
    insert(&storage, "after").await.expect("stores on the other one");
    assert_eq!((old.count("datastores"), new.count("datastores")), ("1".into(), "1".into()));
    // Nobody reads from the old one any more.
    let found = find_everywhere(7).await;
    assert!(found.iter().all(Option::is_some), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t35_a_server_that_may_lose_what_it_acknowledged_is_told() {
    let safe = Private::start().await;
    let warnings = safe.open(PoolSettings::default()).durability_warnings().await;
    assert_eq!(warnings.expect("answers"), Vec::<String>::new());
    let server = PostgresServer::start_with(&["fsync=off", "synchronous_commit=off"]);
    let url = server.url("postgres").parse().expect("valid");
    let storage = Storage::open(&url, PoolSettings::default()).expect("opens");
    let warnings = storage.durability_warnings().await.expect("answers");
    assert_eq!(warnings, ["fsync", "synchronous_commit"]);
}
