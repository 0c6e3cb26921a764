//! A PostgreSQL of the test's own, migrated.

use datastore_persistence::{PoolSettings, Storage};
use datastore_ports::RepositoryError;
use datastore_testkit::PostgresServer;
use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use std::collections::BTreeMap;
use std::time::Duration;

/// A connection that is driven from a thread without a runtime.
type Client = AsyncConnectionWrapper<AsyncPgConnection>;

/// Holds a lock.
pub(crate) struct Holder {
    release: Option<std::sync::mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.release.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(crate) struct Private {
    pub(crate) server: PostgresServer,
}

impl Private {
    pub(crate) async fn start() -> Self {
        let private = Self { server: PostgresServer::start() };
        private.open_patient().migrate().await.expect("migrates");
        private
    }

    pub(crate) fn open(&self, settings: PoolSettings) -> Storage {
        self.open_at(self.server.port(), settings)
    }

    /// Through a proxy on another port; in the clear, so that the proxy can read.
    pub(crate) fn open_at(&self, port: u16, settings: PoolSettings) -> Storage {
        let url = format!("{}?sslmode=disable", self.server.url_at(port, "postgres"));
        Storage::open(&url.parse().expect("valid"), settings).expect("opens")
    }

    /// For tests that are not about time, on a machine that may be busy.
    pub(crate) fn open_patient(&self) -> Storage {
        let patient = Duration::from_secs(60);
        let settings = PoolSettings::default();
        self.open(PoolSettings { connection_timeout: patient, deadline: patient, ..settings })
    }

    pub(crate) fn execute(&self, sql: &str) -> String {
        self.server.execute("postgres", sql)
    }

    /// How many rows a table has.
    pub(crate) fn count(&self, table: &str) -> String {
        self.execute(&format!("SELECT count(*) FROM {table}"))
    }

    /// Changes a setting of the server, for all sessions.
    pub(crate) fn set(&self, setting: &str) {
        self.execute(&format!("ALTER SYSTEM SET {setting}"));
        // Each session takes it over before its next statement: once the signal has arrived.
        let (name, value) = setting.split_once(" = ").expect("name = value");
        self.execute("SELECT pg_reload_conf()");
        while self.execute(&format!("SHOW {name}")) != value {
            std::thread::yield_now();
        }
    }

    /// Processes of the storage's sessions.
    pub(crate) fn sessions(&self) -> Vec<String> {
        let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'datastore-api'";
        self.execute(sql).lines().map(str::to_owned).collect()
    }

    /// Waits until all of the storage's sessions have rested for longer than `time`, by the server.
    pub(crate) fn await_rest(&self, time: Duration) {
        let busy = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'datastore-api' \
             AND state_change >= clock_timestamp() - interval '{} ms'",
            time.as_millis()
        );
        while self.execute(&busy) != "0" {}
    }

    /// Holds an advisory lock until the value is dropped.
    pub(crate) fn hold_advisory_lock(&self, key: i64) -> Holder {
        let url = self.server.url("postgres");
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (held, is_held) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut client = Client::establish(&url).expect("the server answers");
            let sql = format!("SELECT pg_advisory_lock({key})");
            client.batch_execute(&sql).expect("nobody else holds it");
            held.send(()).expect("the test waits");
            let _ = released.recv();
        });
        is_held.recv().expect("the lock is held");
        Holder { release: Some(release), thread: Some(thread) }
    }

    /// The storage's session that waits for a lock, once there is one.
    pub(crate) fn the_session_that_waits(&self) -> String {
        let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'datastore-api' \
                   AND wait_event_type = 'Lock'";
        loop {
            let pid = self.execute(sql);
            if !pid.is_empty() {
                return pid;
            }
        }
    }

    /// Ends it, and waits for its end.
    pub(crate) fn end_the_session_that_waits(&self) -> String {
        let pid = self.the_session_that_waits();
        self.execute(&format!("SELECT pg_terminate_backend({pid}, 10000)"));
        pid
    }

    /// Compares what writers were told of datastores by name with what is stored: what was
    /// acknowledged is there, what failed is not, an unknown outcome is either. Each datastore has
    /// exactly the history entry of its creation.
    pub(crate) async fn assert_true(&self, told: &[(String, Result<(), RepositoryError>)]) {
        let sql = "SELECT name, (SELECT count(*) FROM history h WHERE h.datastore_id = d.id) \
                   FROM datastores d";
        let rows = self.execute(sql);
        let stored: BTreeMap<_, _> =
            rows.lines().map(|row| row.rsplit_once('|').expect("two columns")).collect();
        for (name, answer) in told {
            let entries = stored.get(name.as_str());
            match answer {
                Ok(()) => assert_eq!(entries, Some(&"1"), "{name} was acknowledged"),
                Err(RepositoryError::OutcomeUnknown(_)) => {
                    assert!(entries.is_none_or(|entries| *entries == "1"), "{name}: {entries:?}");
                }
                Err(RepositoryError::Unavailable(_)) => {
                    assert_eq!(entries, None, "{name}: {answer:?}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}
