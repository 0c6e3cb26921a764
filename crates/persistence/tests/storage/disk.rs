//! A disk that is full, or that fails.
//!
//! Each test runs itself again in a process of its own: with a file system of a few megabytes, or
//! where the end of a file can be set (the signal that tells of it is ignored there).

use datastore_domain::{Action, DatastoreId, HistoryFilter, PageRequest, Paging, Side};
use datastore_persistence::{DatabaseUrl, PoolSettings, Storage};
use datastore_ports::{DatastoreRepository as _, HistoryLog as _, RepositoryError, StorageFault};
use datastore_testkit::{PostgresServer, entry, new_datastore};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the folder of the database to the process that a test starts.
const FOLDER: &str = "DATASTORE_TEST_DISK";

/// The folder, in the process that a test started; `None` in the test itself.
#[expect(clippy::disallowed_methods, reason = "one process of the test tells the other")]
fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Runs the test `name` in a process of its own, after `preparation` in a shell.
fn run_again(name: &str, preparation: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = std::env::current_exe().expect("it runs");
    let script = format!("set -e; {preparation}; exec \"$0\" --exact disk::{name} --nocapture");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .arg(program)
        .env(FOLDER, folder.path())
        .output()
        .expect("unshare can be run");
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("1 passed"), "{told}\n{errors}");
}

async fn open(url: &DatabaseUrl) -> Storage {
    let storage = Storage::open(url, PoolSettings::default()).expect("opens");
    storage.migrate().await.expect("migrates");
    storage
}

fn sqlite(folder: &Path) -> DatabaseUrl {
    DatabaseUrl::sqlite(folder.join("registry.db"))
}

/// A server whose tables are in `folder`, and its log elsewhere; and the database there.
fn postgres(folder: &Path) -> (PostgresServer, DatabaseUrl) {
    let place = folder.join("tables");
    fs::create_dir(&place).expect("creates");
    let server = PostgresServer::start_with(&["fsync=off"]);
    server.execute(
        "postgres",
        &format!(
            "CREATE TABLESPACE small LOCATION '{}';
             CREATE DATABASE registry TABLESPACE small;",
            place.display()
        ),
    );
    let url = server.url("registry").parse().expect("valid");
    (server, url)
}

async fn insert(storage: &Storage, name: &str) -> Result<DatastoreId, RepositoryError> {
    storage.insert(new_datastore(name), entry(Action::Create)).await.map(|stored| stored.id)
}

/// Inserts until one fails; gives the ids that were acknowledged, and the failure.
async fn fill(storage: &Storage, prefix: &str) -> (Vec<DatastoreId>, RepositoryError) {
    let mut stored = Vec::new();
    for number in 0..100_000 {
        match insert(storage, &format!("{prefix} {number}")).await {
            Ok(id) => stored.push(id),
            Err(error) => return (stored, error),
        }
    }
    panic!("the disk takes everything");
}

/// Reads go on, and readiness says what is wrong.
async fn assert_readable(storage: &Storage, stored: &[DatastoreId], words: &str) {
    for id in stored {
        assert!(storage.find(*id).await.expect("reads go on").is_some());
    }
    let not_ready = storage.ping().await;
    let Err(RepositoryError::Unavailable(cause) | RepositoryError::OutcomeUnknown(cause)) =
        not_ready
    else {
        panic!("{not_ready:?}")
    };
    assert_eq!(cause.to_string(), words);
}

/// Writes succeed again, and nothing is there by halves.
async fn assert_recovered(storage: &Storage, mut stored: Vec<DatastoreId>) {
    storage.ping().await.expect("ready again, by a write of its own");
    stored.push(insert(storage, "after").await.expect("stores"));
    let mut entries = Vec::new();
    let mut from = None;
    loop {
        let paging = Paging::Cursor { size: PageRequest::MAX_SIZE, from };
        let page = storage.entries(&HistoryFilter::default(), paging).await.expect("answers");
        from = page.rows.last().map(|oldest| (Side::After, oldest.id));
        entries.extend(page.rows.into_iter().filter_map(|entry| entry.datastore));
        if !page.after {
            break;
        }
    }
    entries.reverse();
    assert_eq!(entries, stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t39_a_full_disk_takes_no_writes_and_recovers() {
    let Some(folder) = folder() else {
        let mount = format!("mount -t tmpfs -o size=2m tmpfs \"${FOLDER}\"");
        return run_again("t39_a_full_disk_takes_no_writes_and_recovers", &mount);
    };
    assert_full_disk(&open(&sqlite(&folder)).await, &folder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t39_a_full_disk_of_postgresql_takes_no_writes_and_recovers() {
    let Some(folder) = folder() else {
        let mount = format!("mount -t tmpfs -o size=24m tmpfs \"${FOLDER}\"");
        return run_again("t39_a_full_disk_of_postgresql_takes_no_writes_and_recovers", &mount);
    };
    let (_server, url) = postgres(&folder);
    assert_full_disk(&open(&url).await, &folder).await;
}

async fn assert_full_disk(storage: &Storage, folder: &Path) {
    let mut stored = vec![insert(storage, "before").await.expect("stores")];
    let filler = folder.join("filler");
    for round in 0..3 {
        let mut file = fs::File::create(&filler).expect("creates");
        while file.write_all(&[0; 4096]).is_ok() {}
        drop(file);
        let (more, error) = fill(storage, &format!("round {round}")).await;
        stored.extend(more);
        let RepositoryError::Unavailable(cause) = &error else { panic!("{error:?}") };
        assert_eq!(cause.downcast_ref(), Some(&StorageFault::NoSpace));
        assert_readable(storage, &stored, "no space is left on its disk").await;
        fs::remove_file(&filler).expect("removes");
        storage.ping().await.expect("ready again");
    }
    assert_recovered(storage, stored).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t39_a_disk_that_fails_leaves_the_outcome_open_and_recovers() {
    let Some(folder) = folder() else {
        let name = "t39_a_disk_that_fails_leaves_the_outcome_open_and_recovers";
        return run_again(name, "trap '' XFSZ");
    };
    let storage = open(&sqlite(&folder)).await;
    let mut stored = vec![insert(&storage, "before").await.expect("stores")];
    let unlimited = getrlimit(Resource::Fsize);
    let size = fs::metadata(folder.join("registry.db-wal")).expect("is there").len();
    // A write beyond the end is an I/O error; that of a full disk is another one.
    let end = Rlimit { current: Some(size), ..unlimited };
    setrlimit(Resource::Fsize, end).expect("lowers");
    let (more, error) = fill(&storage, "more").await;
    stored.extend(more);
    let RepositoryError::OutcomeUnknown(cause) = &error else { panic!("{error:?}") };
    assert_eq!(cause.downcast_ref(), Some(&StorageFault::DiskError));
    assert_readable(&storage, &stored, "its disk reports errors").await;
    setrlimit(Resource::Fsize, unlimited).expect("raises");
    assert_recovered(&storage, stored).await;
}
