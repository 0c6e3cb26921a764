//! Values for tests, with sensible defaults.
//!
//! Every function panics on an invalid argument: a test names valid ones.

use datastore_domain::{
    Action, Assignment, Classification, DatabaseName, DatasetId, Description, HistoryEntry, Host,
    MaxConnections, Measure, Name, PageRequest, Port, Profile, RecordId, RequestId,
    SealedConnection, SealedValue, System, Timestamp, TlsMode, TokenName, Username,
};
use datastore_ports::NewDatastore;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many seconds after 2025-01-15T10:00:00Z.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    let start = Timestamp::parse("2025-01-15T10:00:00Z").expect("valid");
    start.plus_seconds(seconds)
}

/// A token's name.
#[must_use]
pub fn token_name(text: &str) -> TokenName {
    TokenName::try_from(text).expect("a test names a valid token")
}

/// An entry of the history at [`at`]`(0)`, by `tester`, without subject or changes.
#[must_use]
pub fn entry(action: Action) -> HistoryEntry {
    HistoryEntry {
        at: at(0),
        actor: token_name("tester"),
        action,
        datastore: None,
        version: None,
        changes: Vec::new(),
        request_id: RequestId::new("request-1"),
    }
}

/// A profile with every optional member: PostgreSQL, active.
#[must_use]
pub fn profile(name: &str) -> Profile {
    Profile {
        name: Name::try_from(name).expect("a test names a valid datastore"),
        classification: Classification::from(System::Postgres),
        description: Description::try_from("Main relational database.").expect("valid"),
        is_active: true,
        max_connections: Some(MaxConnections::try_from(100.0).expect("valid")),
        avg_response_time_ms: Some(Measure::try_from(12.5).expect("valid")),
        storage_capacity_gb: Some(Measure::try_from(1000.0).expect("valid")),
    }
}

fn next_record() -> RecordId {
    static MADE: AtomicU64 = AtomicU64::new(1);
    let mut random = [0; 32];
    random[..8].copy_from_slice(&MADE.fetch_add(1, Ordering::SeqCst).to_be_bytes());
    RecordId::from_entropy(random)
}

/// A sealed value in the stored form of the cipher: version 1, key `test`, some body.
fn sealed(body: &str) -> SealedValue {
    SealedValue::new([&[1, 4][..], b"test", body.as_bytes()].concat())
}

/// A new datastore by parts, with [`profile`], made at [`at`]`(0)`; its record id is like no other
/// of this process.
#[must_use]
pub fn new_datastore(name: &str) -> NewDatastore {
    NewDatastore {
        record: next_record(),
        at: at(0),
        profile: profile(name),
        connection: SealedConnection::Parts {
            host: Host::try_from("db.company.com").expect("valid"),
            port: Port::try_from(5432).expect("valid"),
            username: Username::try_from("app_user").expect("valid"),
            password: sealed("sealed password"),
            database: Some(DatabaseName::new("registry", System::Postgres).expect("valid")),
            tls: TlsMode::Require,
        },
    }
}

/// A new datastore by connection string, otherwise as [`new_datastore`].
#[must_use]
pub fn new_datastore_by_string(name: &str) -> NewDatastore {
    let connection = SealedConnection::Uri {
        sealed: sealed("sealed connection string"),
        mask: "postgres://app_user:***@db.company.com:5432/registry".to_owned(),
    };
    NewDatastore { connection, ..new_datastore(name) }
}

/// A dataset's id.
#[must_use]
pub fn dataset(id: &str) -> DatasetId {
    DatasetId::try_from(id).expect("a test names a valid dataset")
}

/// An assignment without a name, made at `assigned_at` by `tester`.
#[must_use]
pub fn assignment(id: &str, assigned_at: Timestamp) -> Assignment {
    Assignment { dataset: dataset(id), name: None, assigned_at, assigned_by: token_name("tester") }
}

/// A page by number, from 1.
#[must_use]
pub fn page(page: u32, size: u32) -> PageRequest {
    PageRequest { page, size }
}
