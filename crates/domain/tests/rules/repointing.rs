//! A kept secret never goes anywhere but where it was meant for.

use crate::support::{
    Json, MASKED_STRING, PASSWORD, STRING, as_read, by_string, parts, refusal_of_write, stored,
    with,
};
use RevisionMode::{Merge, Replace};
use datastore_domain::{
    ConnectionTarget, Datastore, DatastoreFields, RevisionMode, SecretPlan, TlsMode,
};

const MASK: &str = "***encrypted***";
const REENTER_PASSWORD: &str = "password reentry_required";
const REENTER_STRING: &str = "connection_string reentry_required";

/// How the secret comes with a write.
#[derive(Clone, Copy, Debug)]
enum Secret {
    Absent,
    Masked,
    Given,
}

/// The write that makes `changes`, in either mode: PUT of all that was read, PATCH of them alone.
fn write(stored: &Datastore, mode: RevisionMode, changes: &[(&str, Json)]) -> DatastoreFields {
    let base = match mode {
        Replace => as_read(stored),
        Merge => DatastoreFields::default(),
    };
    changes.iter().fold(base, |fields, (name, json)| with(fields, name, json))
}

/// Makes `changes` to a datastore by parts in both modes and with each way to carry the password:
/// without it, `refused` must be told; with it, the write is fine and seals what was given.
fn check(stored: &Datastore, changes: &[(&str, Json)], refused: bool) {
    for mode in [Replace, Merge] {
        for secret in [Secret::Absent, Secret::Masked, Secret::Given] {
            let fields = write(stored, mode, changes);
            let (fields, expected) = match (secret, mode) {
                (Secret::Given, _) => (json!(fields; password: PASSWORD), ""),
                (Secret::Masked, _) => {
                    (json!(fields; password: MASK), if refused { REENTER_PASSWORD } else { "" })
                }
                (Secret::Absent, Merge) => (fields, if refused { REENTER_PASSWORD } else { "" }),
                (Secret::Absent, Replace) => {
                    (json!(fields; password: Json::Null), "password required")
                }
            };
            let shown = || format!("{mode:?} {changes:?} {secret:?}");
            assert_eq!(refusal_of_write(stored, &fields, mode), expected, "{}", shown());
            let plan =
                stored.revise(fields, mode, TlsMode::Disable).ok().flatten().map(|r| r.connection);
            match (secret, plan) {
                (Secret::Given, Some(SecretPlan::Seal(ConnectionTarget::Parts(parts)))) => {
                    assert_eq!(parts.password.expose(), PASSWORD);
                }
                (Secret::Given, plan) => panic!("{}: {plan:?}", shown()),
                (Secret::Absent | Secret::Masked, plan) => {
                    assert!(!matches!(plan, Some(SecretPlan::Seal(_))), "{}", shown());
                }
            }
        }
    }
}

#[test]
fn t14_a_kept_password_is_not_used_elsewhere_or_for_somebody_else() {
    let stored = stored(&json!(parts(); database: "app", tls: "require"));
    let change = |name: &'static str, json: Json| check(&stored, &[(name, json)], true);
    change("server", "evil.example".into());
    change("server", "db.example.evil".into());
    change("server", "db.example.".into());
    change("server", "192.0.2.7".into());
    change("port", 5433.into());
    change("system", "mysql".into());
    change("username", "App".into());
    change("username", "admin".into());
    change("tls", "prefer".into());
    check(&stored, &[("type", "graph".into()), ("system", "neo4j".into())], true);
    check(&stored, &[("server", "evil.example".into()), ("tls", "verify_full".into())], true);
}

#[test]
fn what_leads_to_the_same_place_keeps_the_password() {
    let by_name = stored(&json!(parts(); database: "app", tls: "require"));
    let change = |name: &'static str, json: Json| check(&by_name, &[(name, json)], false);
    change("server", "DB.Example".into());
    change("port", 5432.0.into());
    change("database", "other".into());
    change("database", Json::Null);
    change("tls", "verify_full".into());
    change("name", "Second".into());
    change("is_active", false.into());
    let by_address = stored(&json!(parts(); server: "2001:db8::a"));
    check(&by_address, &[("server", "[2001:DB8::A]".into())], false);
}

#[test]
fn t14_a_kept_password_is_not_used_over_weaker_tls() {
    for from in TlsMode::ALL {
        let stored = stored(&json!(parts(); tls: from.as_str()));
        for to in TlsMode::ALL {
            check(&stored, &[("tls", to.as_str().into())], to < from);
        }
        // Null is the default mode, and weaker than some.
        check(&stored, &[("tls", Json::Null)], TlsMode::Prefer < from);
    }
}

fn refused(stored: &Datastore, mode: RevisionMode, changes: &[(&str, Json)], expected: &str) {
    let fields = write(stored, mode, changes);
    assert_eq!(refusal_of_write(stored, &fields, mode), expected, "{mode:?} {changes:?}");
}

#[test]
fn t14_a_kept_string_is_not_used_for_another_system() {
    let stored = stored(&by_string());
    for mode in [Replace, Merge] {
        for system in [
            vec![("system", "mysql".into())],
            vec![("type", "graph".into()), ("system", "neo4j".into())],
        ] {
            refused(&stored, mode, &system, REENTER_STRING);
            let masked = [system, vec![("connection_string", MASKED_STRING.into())]].concat();
            refused(&stored, mode, &masked, REENTER_STRING);
        }
        let anew = [("system", "mysql".into()), ("connection_string", "mysql://u:p@h".into())];
        refused(&stored, mode, &anew, "");
    }
}

/// The mask as it was read, with something else in its place: not what was stored, and no string.
#[test]
fn t14_an_edited_mask_does_not_move_the_string() {
    let stored = stored(&by_string());
    for edited in [
        MASKED_STRING.replace("db.example", "evil.example"),
        MASKED_STRING.replace("5433", "5434"),
        MASKED_STRING.replace("app:", "admin:"),
        MASKED_STRING.replace("/app", "/other"),
        MASKED_STRING.replace("?sslmode=***", ""),
        MASKED_STRING.replace("=***", "=disable"),
        MASKED_STRING.replace("postgres:", "postgresql:"),
    ] {
        for mode in [Replace, Merge] {
            refused(
                &stored,
                mode,
                &[("connection_string", edited.as_str().into())],
                REENTER_STRING,
            );
        }
    }
}

#[test]
fn t14_no_secret_is_carried_from_one_form_to_the_other() {
    let four = |password: Json| {
        [
            ("server", "db.example".into()),
            ("port", 5433.into()),
            ("username", "app".into()),
            ("password", password),
            ("connection_string", Json::Null),
        ]
    };
    let (by_parts, by_string) = (stored(&parts()), stored(&by_string()));
    let no_parts = ["server", "port", "username", "password", "tls"].map(|name| (name, Json::Null));
    for mode in [Replace, Merge] {
        refused(&by_string, mode, &four(MASK.into()), REENTER_PASSWORD);
        refused(&by_string, mode, &four(Json::Null), "password required");
        refused(&by_string, mode, &four("p".into()), "");
        let string =
            |text: &str| [&no_parts[..], &[("connection_string", Json::from(text))]].concat();
        refused(&by_parts, mode, &string(MASKED_STRING), REENTER_STRING);
        refused(&by_parts, mode, &string("postgres://u:***@evil.example"), REENTER_STRING);
        refused(&by_parts, mode, &string(STRING), "");
    }
}

/// All violations in one answer: the next try must not fail for a reason known before.
#[test]
fn reentry_is_asked_for_along_with_other_violations() {
    let stored = stored(&json!(parts(); tls: "require"));
    let change = |changes: &[(&str, Json)], expected: &str| {
        for mode in [Replace, Merge] {
            refused(&stored, mode, changes, expected);
        }
    };
    let elsewhere = ("server", Json::from("evil.example"));
    change(
        &[elsewhere.clone(), ("port", 0.into())],
        "port out_of_range, password reentry_required",
    );
    change(&[elsewhere, ("name", "".into())], "name blank, password reentry_required");
    // A mode that is none is not a weaker one.
    change(&[("tls", "always".into())], "tls unknown_choice");
    change(&[("port", 0.into())], "port out_of_range");
}
