//! Masks mean "keep what is stored" where something is, and are never stored themselves.

use crate::support::{MASKED_STRING, by_string, parts, refusal_of_write, stored};
use datastore_domain::{
    Datastore, DatastoreFields, RevisionMode, SealedConnection, SecretPlan, TlsMode,
};

fn kept(stored: &Datastore, fields: DatastoreFields) -> SealedConnection {
    let revision = stored
        .revise(fields, RevisionMode::Merge, TlsMode::Disable)
        .expect("valid")
        .expect("a change");
    match revision.connection {
        SecretPlan::Keep(kept) => kept,
        SecretPlan::Seal(target) => panic!("sealed {target:?}"),
    }
}

#[test]
fn t18_a_mask_beside_a_change_keeps_the_sealed_value() {
    let by_parts = stored(&parts());
    let connection = kept(&by_parts, json!(password: "***encrypted***", name: "Second"));
    assert_eq!(connection, by_parts.connection);
    let by_string = stored(&by_string());
    let connection = kept(&by_string, json!(connection_string: MASKED_STRING, name: "Second"));
    assert_eq!(connection, by_string.connection);
}

#[test]
fn t18_only_the_whole_mask_is_one() {
    let stored = stored(&parts());
    for password in ["***", "***encrypted*** ", "***ENCRYPTED***"] {
        let revision =
            stored.revise(json!(password: password), RevisionMode::Merge, TlsMode::Disable);
        let plan = revision.expect("valid").expect("a change").connection;
        assert!(matches!(plan, SecretPlan::Seal(_)), "{password}");
    }
}

/// The mask for the one form is not the mask for the other.
#[test]
fn t18_a_mask_is_never_sealed() {
    let by_string = stored(&by_string());
    let check = |fields: DatastoreFields, expected: &str| {
        assert_eq!(refusal_of_write(&by_string, &fields, RevisionMode::Merge), expected);
    };
    check(json!(connection_string: "***encrypted***"), "connection_string invalid_format");
    check(
        json!(password: "***encrypted***"),
        "server required, port required, username required, password reentry_required",
    );
}
