//! What only SQLite can get wrong.

use crate::support::sqlite::TestFile;
use crate::support::{TestDatabase as _, entries, migrated, subject};
use datastore_domain::{Action, Datastore, SealedConnection, SealedValue};
use datastore_persistence::{DatabaseUrl, OpenError, PoolSettings, Storage};
use datastore_ports::{DatasetAssignments as _, DatastoreRepository as _, RepositoryError};
use datastore_testkit::contract::Subject;
use datastore_testkit::{assignment, at, entry, new_datastore};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use std::path::Path;
use std::time::{Duration, Instant};

async fn make() -> Subject {
    let file = TestFile::new();
    subject(migrated(&file).await, file)
}

mod contract {
    use super::make;

    datastore_testkit::storage_contract!(make);
}

#[test]
fn t35_the_bundled_sqlite_has_no_bug_in_its_write_ahead_log() {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        version: String,
    }
    let sql = "SELECT sqlite_version() AS version";
    let row: Row =
        diesel::sql_query(sql).get_result(&mut TestFile::new().connect()).expect("reads");
    let parts: Vec<u32> = row.version.split('.').map(|n| n.parse().expect("a number")).collect();
    assert!(parts.as_slice() >= [3, 51, 3].as_slice(), "{}", row.version);
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let file = TestFile::new();
    let storage = migrated(&file).await;
    storage.insert(new_datastore("one"), entry(Action::Create)).await.expect("stores");
    for suffix in ["", "-wal", "-shm"] {
        let path = format!("{}{suffix}", file.path().display());
        let mode = std::fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
    }
}

#[tokio::test]
async fn t44_a_file_of_something_else_is_refused_and_left_alone() {
    let file = TestFile::new();
    let refused = || Storage::open(&DatabaseUrl::sqlite(file.path()), PoolSettings::default());
    file.execute("CREATE TABLE datastores (id INTEGER)").expect("makes a database");
    assert_untouched(&file.path(), refused);
    std::fs::write(file.path(), "a plain text, not a database").expect("writes");
    assert_untouched(&file.path(), refused);
}

fn assert_untouched(path: &Path, open: impl Fn() -> Result<Storage, OpenError>) {
    let folder = path.parent().expect("in a folder");
    let files = || std::fs::read_dir(folder).expect("reads").count();
    let (content, count) = (std::fs::read(path).expect("reads"), files());
    let error = open().expect_err("is refused");
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error:?}");
    assert!(error.to_string().contains("registry.db"), "{error}");
    assert_eq!((std::fs::read(path).expect("reads"), files()), (content, count));
}

#[test]
fn a_missing_folder_is_an_error_that_names_the_database() {
    let url = DatabaseUrl::sqlite("/nowhere/at/all/registry.db");
    let error = Storage::open(&url, PoolSettings::default()).expect_err("cannot open");
    assert!(matches!(error, OpenError::CannotOpen { .. }), "{error:?}");
    assert!(error.to_string().contains("sqlite:///nowhere/at/all/registry.db"), "{error}");
}

#[tokio::test]
async fn a_start_that_was_cut_off_is_taken_up() {
    let file = TestFile::new();
    std::fs::write(file.path(), "").expect("writes");
    migrated(&file).await.ping().await.expect("answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t37_reads_go_on_beside_a_foreign_writer_and_writes_end_as_unavailable() {
    let file = TestFile::new();
    let write_timeout = Duration::from_millis(300);
    migrated(&file).await;
    let storage = file.open_with(PoolSettings { write_timeout, ..PoolSettings::default() });
    let mut other = file.connect();
    other.batch_execute("BEGIN IMMEDIATE").expect("begins");
    let begun = Instant::now();
    let refused = storage.insert(new_datastore("one"), entry(Action::Create)).await;
    assert!(matches!(refused, Err(RepositoryError::Unavailable(_))), "{refused:?}");
    assert!(begun.elapsed() >= write_timeout, "{:?}", begun.elapsed());
    storage.ping().await.expect("reads go on");
    other.batch_execute("ROLLBACK").expect("ends");
    storage.insert(new_datastore("one"), entry(Action::Create)).await.expect("stores");
}

/// Assigning reads before it writes: begun as a reader, it would fail beside another writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t37_sixteen_writers_and_another_process_meet_no_error() {
    let file = TestFile::new();
    let storage = migrated(&file).await;
    let other = file.open();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let storage = if writer % 2 == 0 { other.clone() } else { storage.clone() };
        writers.spawn(async move {
            for round in 0..10 {
                let name = format!("{writer}-{round}");
                let stored = storage.insert(new_datastore(&name), entry(Action::Create)).await;
                let wish = assignment(&name, at(1));
                let id = stored.expect("stores").id;
                storage.assign(id, wish, false, entry(Action::Assign)).await.expect("assigns");
            }
        });
    }
    writers.join_all().await;
    assert_eq!(entries(&storage).await, 320);
}

async fn replace_secret(storage: &Storage, stored: &Datastore) {
    let mut next = stored.clone();
    next.version = stored.version.next();
    if let SealedConnection::Parts { password, .. } = &mut next.connection {
        *password = SealedValue::new(b"new".to_vec());
    }
    storage.update(&next, stored.version, entry(Action::Update)).await.expect("stores");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_secret_is_wiped_and_closing_leaves_the_one_file() {
    let file = TestFile::new();
    let storage = migrated(&file).await;
    let mut new = new_datastore("one");
    let secret = b"a sealed value that shall not stay behind";
    if let SealedConnection::Parts { password, .. } = &mut new.connection {
        *password = SealedValue::new(secret.to_vec());
    }
    let stored = storage.insert(new, entry(Action::Create)).await.expect("stores");
    storage.close().await.expect("nobody uses it");
    let holds_secret = || {
        let content = std::fs::read(file.path()).expect("reads");
        content.windows(secret.len()).any(|window| window == secret)
    };
    assert!(holds_secret());
    let storage = file.open();
    replace_secret(&storage, &stored).await;
    storage.close().await.expect("nobody uses it");
    assert!(!holds_secret());
    let folder = file.path().parent().expect("in a folder").to_owned();
    let names: Vec<_> = std::fs::read_dir(folder).expect("reads").flatten().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    let closed = storage.find(stored.id).await;
    assert!(matches!(closed, Err(RepositoryError::Unavailable(_))), "{closed:?}");
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_opening_anew() {
    let file = TestFile::new();
    let storage = migrated(&file).await;
    let stored = storage.insert(new_datastore("one"), entry(Action::Create)).await.expect("stores");
    let again = file.open();
    assert_eq!(again.find(stored.id).await.expect("answers"), Some(stored));
    assert_eq!(again.migrate().await.expect("has nothing to do"), Vec::<String>::new());
}
