//! What readers see, and that it never comes back as a secret.

use super::{check_all_refused, parse};
use crate::{System, ViolationCode};

#[test]
fn t18_masks_are_refused_as_values() {
    check_all_refused(
        System::Postgres,
        ViolationCode::MaskedValue,
        "
        postgres://u:***@h/db => the password
        postgres://u:%2A%2a*@h/db => the password
        postgres://u:***encrypted***@h/db => the password
        postgres://h/db?sslmode=*** => 'sslmode'
        postgres://h/db?application_name=%2A** => 'application_name'
        ",
    );
    check_all_refused(
        System::Mongodb,
        ViolationCode::MaskedValue,
        "mongodb://u:***@a,b/?tls=*** => the password",
    );
    check_all_refused(
        System::Redis,
        ViolationCode::MaskedValue,
        "redis://:***@h/0 => the password",
    );
    // Neither a user name nor a longer password is a mask.
    assert!(parse(System::Postgres, "postgres://***:****@h/db").is_ok());
}

#[test]
fn t18_masks_are_built_from_the_structure() {
    let mask = |system, text: &str| parse(system, text).expect("a valid string").mask().to_owned();
    let same = "postgres://same:same@same/same?application_name=same";
    let masked = "postgres://same:***@same/same?application_name=***";
    assert_eq!(mask(System::Postgres, same), masked);
    assert_eq!(mask(System::Postgres, "postgres://***:p@h"), "postgres://%2A%2A%2A:***@h");
    assert_eq!(mask(System::Redis, "redis://u%3Aa:h@h"), "redis://u%3Aa:***@h");
}

#[test]
fn t16_debug_shows_the_mask_only() {
    let string = parse(System::Postgres, "postgres://u:hunter22@h?application_name=canary");
    let debug = format!("{:?}", string.expect("a valid string"));
    assert_eq!(debug, r#"ConnectionString("postgres://u:***@h?application_name=***")"#);
}

/// The classic: a password with a raw delimiter would end up in a visible part.
#[test]
fn t18_an_unescaped_password_is_never_shown() {
    let passwords = "12/canary 12?canary 12?canary=x canary#x canary@x a@12/canary /canary \
                     1?sslmode=canary 1/x?canary=x&canary [canary x://canary";
    for password in passwords.split_whitespace() {
        for system in System::ALL {
            for scheme in ["postgres", "mysql", "mongodb", "redis", "neo4j", "cassandra"] {
                let text = format!("{scheme}://u:{password}@h/db?x=canary");
                let error = parse(system, &text).expect_err(&text);
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains("canary"), "{text}: {shown}");
            }
        }
    }
}
