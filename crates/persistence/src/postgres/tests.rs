use super::connect::Limits;
use super::*;
use crate::url::{DatabaseUrl, Kind};
use datastore_testkit::PostgresServer;

fn open(server: &PostgresServer, settings: &PoolSettings) -> Postgres {
    match server.url("postgres").parse() {
        Ok(DatabaseUrl(Kind::Postgres(url))) => Postgres::open(&url, settings).expect("opens"),
        other => panic!("{other:?}"),
    }
}

fn sessions(server: &PostgresServer) -> String {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'datastore-api'";
    server.execute("postgres", sql)
}

/// A panic leaves its transaction open: nobody gets that connection, and its place is free again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t46_a_panic_drops_the_connection_and_costs_no_place() {
    let server = PostgresServer::start();
    server.execute("postgres", "CREATE TABLE kept (id int)");
    let database = open(&server, &PoolSettings { size: 1, ..PoolSettings::default() });
    for _ in 0..3 {
        let work = |connection: &mut Conn| -> Result<(), Failure> {
            transaction(connection, |connection| {
                connection.batch_execute("INSERT INTO kept VALUES (1)")?;
                panic!("on purpose")
            })
        };
        let panicked = database.write::<_, RepositoryError>(work).await;
        assert!(matches!(panicked, Err(RepositoryError::Internal(_))), "{panicked:?}");
    }
    let insert = |connection: &mut Conn| {
        transaction(connection, |connection| {
            Ok::<_, Failure>(connection.batch_execute("INSERT INTO kept VALUES (2)")?)
        })
    };
    database.write::<_, RepositoryError>(insert).await.expect("stores");
    assert_eq!(server.execute("postgres", "SELECT id FROM kept"), "2");
    while sessions(&server) != "1" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t38_a_migration_that_another_session_holds_up_says_which() {
    let server = PostgresServer::start();
    let database = Arc::new(open(&server, &PoolSettings::default()));
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = tokio::sync::oneshot::channel();
    let (mut begin, released) = (Some(begin), std::sync::Mutex::new(released));
    let holder = database.clone();
    let holding = tokio::spawn(async move {
        let work = move |connection: &mut Conn| {
            while_migrating_alone(connection, |_| {
                begin.take().expect("once").send(()).expect("the test waits");
                let _ = released.lock().expect("alone").recv();
                Ok(())
            })
        };
        holder.migrate(work).await
    });
    begun.await.expect("the lock is held");
    let (pool, soon) = (database.pool.clone(), Duration::from_millis(50));
    let blocked = tokio::task::spawn_blocking(move || {
        let limits = Limits { statement: soon * 100, lock: soon, idle_in_transaction: soon * 100 };
        let deadline = Instant::now() + Duration::from_secs(60);
        pool.migrate(limits, deadline, deadline, |connection| {
            while_migrating_alone(connection, |_| Ok(()))
        })
    });
    let blocked = blocked.await.expect("joins");
    let Err(RepositoryError::Unavailable(cause)) = blocked else { panic!("{blocked:?}") };
    let text = cause.to_string();
    assert!(text.contains("(datastore-api from 127.0.0.1)"), "{text}");
    assert!(text.contains("pg_terminate_backend"), "{text}");
    drop(release);
    holding.await.expect("joins").expect("migrates");
}

/// Both reads see one state, whatever is written between them; and nothing is written in one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t38_a_snapshot_is_one_state() {
    let server = Arc::new(PostgresServer::start());
    server.execute("postgres", "CREATE TABLE kept (id int)");
    let database = open(&server, &PoolSettings::default());
    let other = server.clone();
    let counts = database.read::<_, RepositoryError>(move |connection| {
        snapshot(connection, |connection| {
            let count = || diesel::dsl::sql::<diesel::sql_types::BigInt>("count(*) FROM kept");
            let before: i64 = diesel::select(count()).get_result(connection)?;
            other.execute("postgres", "INSERT INTO kept VALUES (1)");
            let after: i64 = diesel::select(count()).get_result(connection)?;
            Ok::<_, Failure>((before, after))
        })
    });
    assert_eq!(counts.await.expect("answers"), (0, 0));
    let written = database.write::<_, RepositoryError>(|connection| {
        snapshot(connection, |connection| {
            Ok::<_, Failure>(connection.batch_execute("INSERT INTO kept VALUES (2)")?)
        })
    });
    written.await.expect_err("is read-only");
    assert_eq!(server.execute("postgres", "SELECT count(*) FROM kept"), "1");
}
