//! Starts that are not refused, and warn of what they found.

use datastore_tests::{Database, Process};

#[test]
fn t44_listening_beyond_loopback_is_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let everywhere = ("DATASTORE_API__HTTP__BIND", "0.0.0.0:0");
    let log = Process::serve(&data, &[everywhere]).terminate();
    assert!(log.contains("\"WARN\"") && log.contains("without TLS"), "{log}");
    let log = Process::serve(&data, &[]).terminate();
    assert!(!log.contains("\"WARN\""), "{log}");
}

#[test]
fn t42_a_clock_behind_the_last_change_is_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let _ = Process::serve(&data, &[]).terminate();
    for (seconds, warned) in [(30, false), (7200, true)] {
        let later = format!(
            "INSERT INTO history (at, actor, action, changes) VALUES \
             ((unixepoch() + {seconds}) * 1000000, 'test', 'token_create', '{{}}')"
        );
        Database::open(&data.join("datastore-api.db")).execute(&later);
        let log = Process::serve(&data, &[]).terminate();
        assert_eq!(log.contains("the clock went back"), warned, "{log}");
    }
}
