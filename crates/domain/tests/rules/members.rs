//! Each member by itself: its bounds, and what is kept of it.

use crate::support::{Json, field, members, parts, parts_of, refusal, stored, with};
use Expect::{As, AsGiven, Refused};
use datastore_domain::{ConnectionTarget, DatastoreFields, Draft, Field, System, TlsMode};

/// What becomes of a value.
enum Expect {
    AsGiven,
    As(&'static str),
    Refused(&'static str),
}

/// Writes each value into `base` as the member `name`.
fn check_in<const ROWS: usize>(base: &DatastoreFields, name: &str, rows: [(Json, Expect); ROWS]) {
    for (json, expect) in rows {
        let input = with(base.clone(), name, &json);
        let shown = || format!("{name} = {json:?}");
        let kept = || {
            let kept = members(&stored(&input)).into_iter().find(|(n, _)| *n == name);
            kept.expect("every field is shown").1
        };
        match expect {
            Refused(code) => assert_eq!(refusal(&input), format!("{name} {code}"), "{}", shown()),
            AsGiven => assert_eq!(kept(), json, "{}", shown()),
            As(text) => assert_eq!(kept(), text.into(), "{}", shown()),
        }
    }
}

fn check<const ROWS: usize>(name: &str, rows: [(Json, Expect); ROWS]) {
    check_in(&parts(), name, rows);
}

#[test]
fn names_are_trimmed_composed_and_hold_1_to_255_harmless_characters() {
    check(
        "name",
        [
            ("Primary PostgreSQL".into(), AsGiven),
            (" \t Primary\u{a0}\n".into(), As("Primary")),
            ("Caf\u{65}\u{301}".into(), As("Caf\u{e9}")),
            ("x".into(), AsGiven),
            ("🦀".repeat(255).into(), AsGiven),
            ("🦀".repeat(256).into(), Refused("too_long")),
            ("".into(), Refused("blank")),
            (" \t\n ".into(), Refused("blank")),
            ("a\tb".into(), Refused("invalid_character")),
            ("a\nb".into(), Refused("invalid_character")),
            ("a\0b".into(), Refused("invalid_character")),
            ("a\u{85}b".into(), Refused("invalid_character")),
            ("a\u{7f}b".into(), Refused("invalid_character")),
            ("a\u{202a}b".into(), Refused("invalid_character")),
            ("a\u{202e}b".into(), Refused("invalid_character")),
            ("a\u{2066}b".into(), Refused("invalid_character")),
            ("a\u{2069}b".into(), Refused("invalid_character")),
            ("👩\u{200d}💻 \u{645}\u{200c}\u{646}".into(), AsGiven),
        ],
    );
    // Counted as stored: 510 characters before composition, 255 after.
    assert_eq!(refusal(&with(parts(), "name", &"e\u{301}".repeat(255).into())), "");
}

#[test]
fn descriptions_are_trimmed_and_hold_1_to_10000_characters_over_several_lines() {
    check(
        "description",
        [
            ("Orders.\r\n\tAnd customers.".into(), AsGiven),
            ("\n Orders. \n".into(), As("Orders.")),
            ("ü".repeat(10_000).into(), AsGiven),
            ("ü".repeat(10_001).into(), Refused("too_long")),
            ("".into(), Refused("blank")),
            (" \n ".into(), Refused("blank")),
            ("a\0b".into(), Refused("invalid_character")),
            ("a\u{1b}[31mb".into(), Refused("invalid_character")),
        ],
    );
}

#[test]
fn types_and_systems_are_closed_choices() {
    check(
        "type",
        [
            ("sql".into(), AsGiven),
            ("SQL".into(), Refused("unknown_choice")),
            ("".into(), Refused("unknown_choice")),
            ("relational".into(), Refused("unknown_choice")),
        ],
    );
    check(
        "system",
        [
            ("mysql".into(), AsGiven),
            ("Postgres".into(), Refused("unknown_choice")),
            ("oracle".into(), Refused("unknown_choice")),
            ("redis".into(), Refused("type_mismatch")),
        ],
    );
}

#[test]
fn servers_are_host_names_or_addresses_kept_as_written() {
    let longest = ["x".repeat(63).as_str(); 4].join(".");
    assert_eq!(longest.len(), 255);
    check(
        "server",
        [
            ("db".into(), AsGiven),
            ("DB-1.my_net.example".into(), AsGiven),
            ("db.example.".into(), AsGiven),
            ("192.0.2.7".into(), AsGiven),
            ("::1".into(), AsGiven),
            ("[::1]".into(), AsGiven),
            ("2001:db8::7".into(), AsGiven),
            ("[2001:DB8::7]".into(), AsGiven),
            ("::ffff:192.0.2.7".into(), AsGiven),
            ("fe80::1%eth0".into(), AsGiven),
            (longest.clone().into(), AsGiven),
            (format!("{longest}.").into(), Refused("too_long")),
            ("x".repeat(255).into(), AsGiven),
            ("x".repeat(256).into(), Refused("too_long")),
            ("".into(), Refused("blank")),
            (" db".into(), Refused("invalid_format")),
            ("db\n".into(), Refused("invalid_character")),
            (".".into(), Refused("invalid_format")),
            ("a..b".into(), Refused("invalid_format")),
            ("http://db".into(), Refused("invalid_format")),
            ("db:5432".into(), Refused("invalid_format")),
            ("db/path".into(), Refused("invalid_format")),
            ("user@db".into(), Refused("invalid_format")),
            ("a,b".into(), Refused("invalid_format")),
            ("bücher.example".into(), Refused("invalid_format")),
            ("[::1".into(), Refused("invalid_format")),
            ("[]".into(), Refused("invalid_format")),
            ("[db]".into(), Refused("invalid_format")),
            ("[192.0.2.7]".into(), Refused("invalid_format")),
            ("::1]".into(), Refused("invalid_format")),
            (":::".into(), Refused("invalid_format")),
            ("fe80::1%".into(), Refused("invalid_format")),
        ],
    );
}

#[test]
fn ports_are_whole_numbers_from_1_to_65535() {
    check(
        "port",
        [
            (1.into(), AsGiven),
            (65_535.into(), AsGiven),
            (5432.0.into(), AsGiven),
            (0.into(), Refused("out_of_range")),
            (65_536.into(), Refused("out_of_range")),
            (5432.5.into(), Refused("out_of_range")),
            (0.5.into(), Refused("out_of_range")),
            ((-0.0).into(), Refused("out_of_range")),
            ((-1).into(), Refused("out_of_range")),
            (1e300.into(), Refused("out_of_range")),
            (f64::NAN.into(), Refused("out_of_range")),
            (f64::INFINITY.into(), Refused("out_of_range")),
        ],
    );
}

#[test]
fn usernames_are_kept_byte_for_byte() {
    check(
        "username",
        [
            ("a".into(), AsGiven),
            (" app ".into(), AsGiven),
            ("e\u{301}".into(), AsGiven),
            ("***encrypted***".into(), AsGiven),
            ("ü".repeat(255).into(), AsGiven),
            ("ü".repeat(256).into(), Refused("too_long")),
            ("".into(), Refused("blank")),
            ("a\tb".into(), Refused("invalid_character")),
            ("a\0".into(), Refused("invalid_character")),
        ],
    );
}

#[test]
fn passwords_are_kept_byte_for_byte() {
    let check = |password: &str, expected: Result<(), &str>| {
        let input = with(parts(), "password", &password.into());
        match (Draft::new(&input, TlsMode::Disable), expected) {
            (Ok(Draft { target: ConnectionTarget::Parts(kept), .. }), Ok(())) => {
                assert_eq!(kept.password.expose(), password);
            }
            (_, expected) => {
                let code = expected.expect_err("by parts");
                assert_eq!(refusal(&input), format!("password {code}"), "{password:?}");
            }
        }
    };
    check("x", Ok(()));
    check(" p@ss:w/rd%20#? \t\r\n\u{1b}e\u{301}\u{202e}", Ok(()));
    check("***", Ok(()));
    check("***encrypted*** ", Ok(()));
    check(&"ü".repeat(1024), Ok(()));
    check(&"ü".repeat(1025), Err("too_long"));
    check("", Err("blank"));
    check("a\0b", Err("invalid_character"));
}

#[test]
fn databases_are_named_by_the_rules_of_their_system() {
    for system in System::ALL.into_iter().filter(|s| *s != System::Redis) {
        check_in(
            &parts_of(system),
            "database",
            [
                (Json::Null, AsGiven),
                ("app".into(), AsGiven),
                (" My Database ".into(), AsGiven),
                ("ü".repeat(255).into(), AsGiven),
                ("ü".repeat(256).into(), Refused("too_long")),
                ("".into(), Refused("blank")),
                ("a\nb".into(), Refused("invalid_character")),
            ],
        );
    }
    check_in(
        &parts_of(System::Redis),
        "database",
        [
            (Json::Null, AsGiven),
            ("0".into(), AsGiven),
            ("65535".into(), AsGiven),
            ("65536".into(), Refused("invalid_format")),
            ("-1".into(), Refused("invalid_format")),
            ("+1".into(), Refused("invalid_format")),
            ("1.0".into(), Refused("invalid_format")),
            ("app".into(), Refused("invalid_format")),
            ("٣".into(), Refused("invalid_format")),
            ("".into(), Refused("blank")),
            (0.into(), Refused("invalid_type")),
        ],
    );
}

#[test]
fn tls_is_one_of_four_modes_and_prefer_by_default() {
    check(
        "tls",
        [
            ("disable".into(), AsGiven),
            ("require".into(), AsGiven),
            ("verify_full".into(), AsGiven),
            (Json::Null, As("prefer")),
            ("verify-full".into(), Refused("unknown_choice")),
            ("".into(), Refused("unknown_choice")),
        ],
    );
}

#[test]
fn is_active_is_true_by_default() {
    check("is_active", [(false.into(), AsGiven), (true.into(), AsGiven)]);
    assert!(stored(&parts()).profile.is_active);
    assert!(stored(&with(parts(), "is_active", &Json::Null)).profile.is_active);
}

#[test]
fn max_connections_is_a_whole_number_from_1_to_2147483647() {
    check(
        "max_connections",
        [
            (Json::Null, AsGiven),
            (1.into(), AsGiven),
            (100.0.into(), AsGiven),
            (2_147_483_647.into(), AsGiven),
            (2_147_483_648.0.into(), Refused("out_of_range")),
            (1.5.into(), Refused("out_of_range")),
            (0.into(), Refused("out_of_range")),
            ((-1).into(), Refused("out_of_range")),
            (f64::INFINITY.into(), Refused("out_of_range")),
            (f64::NAN.into(), Refused("out_of_range")),
        ],
    );
}

#[test]
fn measures_are_finite_and_greater_than_zero() {
    for name in ["avg_response_time_ms", "storage_capacity_gb"] {
        check(
            name,
            [
                (Json::Null, AsGiven),
                (1.into(), AsGiven),
                (15.2.into(), AsGiven),
                (2_147_483_648.0.into(), AsGiven),
                (f64::MIN_POSITIVE.into(), AsGiven),
                (f64::MAX.into(), AsGiven),
                (0.into(), Refused("out_of_range")),
                ((-0.0).into(), Refused("out_of_range")),
                ((-15.2).into(), Refused("out_of_range")),
                (f64::INFINITY.into(), Refused("out_of_range")),
                (f64::NEG_INFINITY.into(), Refused("out_of_range")),
                (f64::NAN.into(), Refused("out_of_range")),
            ],
        );
    }
}

/// Neither numbers in quotes nor text without them, neither 0 and 1 for false and true.
#[test]
fn no_member_takes_a_value_of_another_json_type() {
    for name in Field::ALL.map(Field::name) {
        let base = if name == "connection_string" { crate::support::by_string() } else { parts() };
        let wrong: [Json; 3] = match field(name) {
            Field::Port
            | Field::MaxConnections
            | Field::AvgResponseTimeMs
            | Field::StorageCapacityGb => ["5432".into(), true.into(), Json::List],
            Field::IsActive => ["true".into(), 1.into(), Json::List],
            _ => [1.into(), true.into(), Json::List],
        };
        check_in(&base, name, wrong.map(|json| (json, Refused("invalid_type"))));
    }
}
