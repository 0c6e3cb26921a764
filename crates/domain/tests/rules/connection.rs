//! The two forms of a new connection: exactly one of them, and whole.

use crate::support::{Json, by_string, parts, refusal, with};
use datastore_domain::{ConnectionTarget, DatastoreFields, Draft, TlsMode};

const PARTS: [&str; 4] = ["server", "port", "username", "password"];

fn check(input: &DatastoreFields, expected: &str) {
    assert_eq!(refusal(input), expected, "{input:?}");
}

#[test]
fn each_missing_part_is_named() {
    let required = |names: &[&str]| {
        names.iter().map(|n| format!("{n} required")).collect::<Vec<_>>().join(", ")
    };
    // Each subset of the four parts, as bits of a number.
    for subset in 0..16 {
        let missing: Vec<_> =
            (0..4).filter(|bit| subset & (1 << bit) != 0).map(|bit| PARTS[bit]).collect();
        let input = missing.iter().fold(parts(), |input, name| with(input, name, &Json::Null));
        check(&input, &required(&missing));
    }
}

#[test]
fn naming_both_forms_is_a_conflict_however_little_is_named_of_each() {
    for name in PARTS {
        let value = if name == "port" { 1.into() } else { "x".into() };
        check(&with(by_string(), name, &value), "connection_string conflict");
    }
    check(&json!(parts(); connection_string: ""), "connection_string conflict");
    let wrong_type = json!(by_string(); port: "5432");
    check(&wrong_type, "port invalid_type, connection_string conflict");
}

#[test]
fn null_names_nothing() {
    let null = |input, names: &[&str]| {
        names.iter().fold(input, |input, name| with(input, name, &Json::Null))
    };
    check(&null(parts(), &["connection_string"]), "");
    check(&null(by_string(), &PARTS), "");
    check(&null(by_string(), &["database", "tls"]), "");
    let neither = "server required, port required, username required, password required";
    check(&null(parts(), &PARTS), neither);
    check(&null(by_string(), &["connection_string"]), neither);
}

#[test]
fn database_and_tls_belong_to_the_parts() {
    check(&json!(by_string(); database: "app", tls: "require"), "database conflict, tls conflict");
    check(&json!(by_string(); database: 5), "database invalid_type");
    check(&json!(by_string(); tls: "prefer"), "tls conflict");
}

#[test]
fn t18_a_new_datastore_takes_no_masks() {
    check(&json!(parts(); password: "***encrypted***"), "password masked_value");
    for masked in [
        "postgres://app:***@db.example",
        "postgres://app:***encrypted***@db.example",
        "postgres://db.example?sslmode=***",
    ] {
        let input = json!(by_string(); connection_string: masked);
        check(&input, "connection_string masked_value");
    }
}

#[test]
fn connection_strings_are_judged_by_their_system() {
    let check = |string: String, expected: &str| {
        check(&json!(by_string(); connection_string: string), expected);
    };
    check(String::new(), "connection_string blank");
    check("mysql://u:p@h".to_owned(), "connection_string invalid_format");
    check("postgres://".to_owned(), "connection_string invalid_format");
    check("postgres://h?host=elsewhere".to_owned(), "connection_string parameter_not_allowed");
    // No part may fill a string by itself: all of them at their limits, escaped.
    let of_length = |length: usize| {
        let login = format!("postgres://{}:{}@", "%61".repeat(255), "%61".repeat(1024));
        let label = "x".repeat(63);
        let labels = [label.as_str(); 3].join(".");
        let last = "x".repeat(length - login.len() - labels.len() - 1);
        format!("{login}{labels}.{last}")
    };
    check(of_length(4096), "");
    check(of_length(4097), "connection_string too_long");
}

/// Both forms lead a connection test to the same place.
#[test]
fn both_forms_mean_the_same_to_a_connection_test() {
    let by_parts = json!(parts(); port: 5433, database: "app", tls: "require");
    let specs = [by_parts, by_string()].map(|input| {
        let draft = Draft::new(&input, TlsMode::Disable).expect("valid");
        draft.target.connect_spec(draft.profile.classification.system())
    });
    assert_eq!(specs[0], specs[1]);
    assert_eq!(specs[0].tls, TlsMode::Require);
}

#[test]
fn by_parts_tls_is_preferred_and_the_database_is_the_default_of_the_system() {
    let draft = Draft::new(&parts(), TlsMode::Disable).expect("valid");
    let ConnectionTarget::Parts(parts) = draft.target else { panic!("by parts") };
    assert_eq!((parts.tls, parts.database), (TlsMode::Prefer, None));
}
