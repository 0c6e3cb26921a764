//! How much of TLS a connection must ask for, where the operator demands some.

use crate::support::{Json, described, parts, stored, told};
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

/// A string that asks for too little, and strings that follow the advice that is then given.
struct Advised {
    system: System,
    weak: &'static str,
    /// Words of the advice, each with the string that follows it, by what is demanded.
    require: &'static [(&'static str, &'static str)],
    verify_full: &'static [(&'static str, &'static str)],
}

const ADVISED: [Advised; 6] = [
    Advised {
        system: System::Postgres,
        weak: "postgres://u:p@h/d",
        require: &[
            (" require", "postgres://u:p@h/d?sslmode=require"),
            ("verify-full", "postgres://u:p@h/d?sslmode=verify-full"),
        ],
        verify_full: &[("verify-full", "postgres://u:p@h/d?sslmode=verify-full")],
    },
    Advised {
        system: System::Mysql,
        weak: "mysql://u:p@h/d",
        require: &[
            ("REQUIRED", "mysql://u:p@h/d?ssl-mode=REQUIRED"),
            ("VERIFY_IDENTITY", "mysql://u:p@h/d?ssl-mode=VERIFY_IDENTITY"),
        ],
        verify_full: &[("VERIFY_IDENTITY", "mysql://u:p@h/d?ssl-mode=VERIFY_IDENTITY")],
    },
    Advised {
        system: System::Mongodb,
        weak: "mongodb://u:p@h/d",
        require: &[("tls", "mongodb://u:p@h/d?tls=true"), ("+srv", "mongodb+srv://u:p@h.a.b/d")],
        verify_full: &[
            ("tls", "mongodb://u:p@h/d?tls=true"),
            ("+srv", "mongodb+srv://u:p@h.a.b/d"),
        ],
    },
    Advised {
        system: System::Redis,
        weak: "redis://u:p@h",
        require: &[("rediss://", "rediss://u:p@h")],
        verify_full: &[("rediss://", "rediss://u:p@h")],
    },
    Advised {
        system: System::Neo4j,
        weak: "neo4j://u:p@h",
        require: &[
            ("neo4j+s://", "neo4j+s://u:p@h"),
            ("neo4j+ssc://", "neo4j+ssc://u:p@h"),
            ("bolt+s://", "bolt+s://u:p@h"),
            ("bolt+ssc://", "bolt+ssc://u:p@h"),
        ],
        verify_full: &[("neo4j+s://", "neo4j+s://u:p@h"), ("bolt+s://", "bolt+s://u:p@h")],
    },
    Advised {
        system: System::Cassandra,
        weak: "cassandra://u:p@h",
        require: &[
            (" require", "cassandra://u:p@h?tls=require"),
            ("verify_full", "cassandra://u:p@h?tls=verify_full"),
        ],
        verify_full: &[("verify_full", "cassandra://u:p@h?tls=verify_full")],
    },
];

#[test]
fn t08_a_string_is_told_how_its_system_asks_for_as_much_tls_as_is_demanded() {
    for Advised { system, weak, require, verify_full } in ADVISED {
        for (minimum, advice) in [(TlsMode::Require, require), (TlsMode::VerifyFull, verify_full)] {
            let fields = json!(described(system); connection_string: weak);
            let violations = Draft::new(&fields, minimum).expect_err("too weak");
            assert_eq!(told(&violations), "connection_string tls_too_weak");
            let detail = &violations.as_slice()[0].detail;
            assert!(detail.contains(&format!("`{minimum}`")), "{detail}");
            for (words, followed) in advice {
                assert!(detail.contains(words), "{words:?} in {detail}");
                let fields = json!(described(system); connection_string: *followed);
                assert_eq!(refusal(&fields, minimum), "", "{followed} where it is {minimum}");
            }
            // What is enough for the weaker minimum is not advised where it is not enough.
            for (words, followed) in require {
                let fields = json!(described(system); connection_string: *followed);
                let is_enough = refusal(&fields, minimum).is_empty();
                let told = detail.split_once("demands; ").expect("a remedy").1;
                assert_eq!(told.contains(words), is_enough, "{words:?} in {told}");
            }
        }
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
    assert_eq!(write(json!(port: 0)), "port out_of_range, tls tls_too_weak");
    assert_eq!(write(json!(database: "")), "database blank, tls tls_too_weak");
    assert_eq!(write(json!(port: 1)), "password reentry_required, tls tls_too_weak");
    assert_eq!(write(json!(port: 1, tls: "none")), "password reentry_required, tls unknown_choice");
}

#[test]
fn t08_parts_that_are_wrong_elsewhere_too_are_told_at_once() {
    let wrong = json!(parts(); server: "", port: 0);
    let expected = "server blank, port out_of_range, tls tls_too_weak";
    assert_eq!(refusal(&wrong, TlsMode::Require), expected);
    let without_login = json!(parts(); username: Json::Null, password: Json::Null);
    let expected = "username required, password required, tls tls_too_weak";
    assert_eq!(refusal(&without_login, TlsMode::Require), expected);
    // A stored string that parts are to replace.
    let string = stored(&json!(described(System::Postgres); connection_string: "postgres://h"));
    let replaced = string.revise(wrong, RevisionMode::Merge, TlsMode::Require);
    let expected = "server blank, port out_of_range, tls tls_too_weak";
    assert_eq!(replaced.err().as_ref().map(told).unwrap_or_default(), expected);
}
