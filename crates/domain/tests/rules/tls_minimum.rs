//! How much of TLS a connection must ask for, where the operator demands some.

use crate::support::{described, parts, stored, told};
use datastore_domain::{DatastoreFields, Draft, RevisionMode, System, TlsMode};

fn refusal(fields: &DatastoreFields, minimum: TlsMode) -> String {
    Draft::new(fields, minimum).err().as_ref().map(told).unwrap_or_default()
}

#[test]
fn t08_each_mode_is_held_against_the_minimum() {
    for (at, minimum) in TlsMode::ALL.into_iter().enumerate() {
        for (place, mode) in TlsMode::ALL.into_iter().enumerate() {
            let fields = json!(parts(); tls: mode.as_str());
            let expected = if place < at { "tls tls_too_weak" } else { "" };
            assert_eq!(refusal(&fields, minimum), expected, "{mode} where {minimum} is demanded");
        }
    }
    // What is not said is `prefer`.
    assert_eq!(refusal(&parts(), TlsMode::Require), "tls tls_too_weak");
    assert_eq!(refusal(&parts(), TlsMode::Prefer), "");
}

#[test]
fn t08_a_string_is_told_how_its_system_asks_for_tls() {
    for (text, system, remedy) in [
        ("postgres://u:p@h/d", System::Postgres, "sslmode"),
        ("mysql://u:p@h/d", System::Mysql, "ssl-mode"),
        ("mongodb://u:p@h/d", System::Mongodb, "tls"),
        ("redis://u:p@h", System::Redis, "rediss://"),
        ("neo4j://u:p@h", System::Neo4j, "neo4j+s://"),
        ("cassandra://u:p@h", System::Cassandra, "tls"),
    ] {
        let fields = json!(described(system); connection_string: text);
        let violations = Draft::new(&fields, TlsMode::Require).expect_err("too weak");
        assert_eq!(told(&violations), "connection_string tls_too_weak");
        let detail = &violations.as_slice()[0].detail;
        assert!(detail.contains(remedy) && detail.contains("`require`"), "{detail}");
    }
}

#[test]
fn t08_only_a_connection_that_is_written_or_changed_is_held_against_it() {
    let weak = stored(&parts());
    let write = |fields: DatastoreFields| {
        let revised = weak.revise(fields, RevisionMode::Merge, TlsMode::Require);
        revised.err().as_ref().map(told).unwrap_or_default()
    };
    assert_eq!(write(json!(description: "Another.")), "");
    assert_eq!(write(json!(password: "anew")), "tls tls_too_weak");
    assert_eq!(write(json!(database: "another")), "tls tls_too_weak");
    assert_eq!(write(json!(tls: "require")), "");
    assert_eq!(write(json!(tls: "disable", password: "anew")), "tls tls_too_weak");
    // With all else that is wrong, in the order of the members.
    assert_eq!(write(json!(name: "", password: "anew")), "name blank, tls tls_too_weak");
}
