//! PATCH: one member at a time; what changes, what stays, and what the history records.

use crate::support::{
    Json, PASSWORD, STRING, after, by_string, members, parts, recorded, refusal_of_write, stored,
    with,
};
use datastore_domain::{Datastore, DatastoreFields, RevisionMode, SecretPlan, TlsMode};

/// A datastore by parts in which every optional member has a value.
fn full() -> Datastore {
    stored(&json!(parts();
        database: "app", tls: "disable", is_active: false, max_connections: 100,
        avg_response_time_ms: 15.2, storage_capacity_gb: 1000))
}

fn merge(stored: &Datastore, fields: DatastoreFields) -> Option<(Datastore, String)> {
    let revision =
        stored.revise(fields, RevisionMode::Merge, TlsMode::Disable).expect("a valid write")?;
    let changes = recorded(&revision.changes);
    Some((after(stored, revision), changes))
}

/// Patching the member `name` with `json` makes it `becomes`, leaves every other member as it was,
/// and is recorded as `history`.
fn check(stored: &Datastore, name: &str, json: impl Into<Json>, becomes: Json, history: &str) {
    let json = json.into();
    let patch = with(DatastoreFields::default(), name, &json);
    let (changed, changes) = merge(stored, patch).expect("a change");
    assert_eq!(changes, history, "{name} = {json:?}");
    let mut expected = members(stored);
    expected.iter_mut().filter(|(n, _)| *n == name).for_each(|(_, value)| *value = becomes.clone());
    assert_eq!(members(&changed), expected, "{name} = {json:?}");
}

fn check_value(stored: &Datastore, name: &str, json: impl Into<Json>, history: &str) {
    let json = json.into();
    check(stored, name, json.clone(), json, history);
}

#[test]
fn a_patch_changes_the_member_that_it_names_and_no_other() {
    let full = full();
    check(&full, "name", " Second ", "Second".into(), "name Primary -> Second");
    check_value(&full, "description", "New.", "description Orders and customers. -> New.");
    check_value(&full, "is_active", true, "is_active false -> true");
    check_value(&full, "max_connections", 7, "max_connections 100 -> 7");
    check_value(&full, "avg_response_time_ms", 0.5, "avg_response_time_ms 15.2 -> 0.5");
    check_value(&full, "storage_capacity_gb", 2, "storage_capacity_gb 1000 -> 2");
    check_value(&full, "database", "other", "database app -> other");
    check_value(&full, "tls", "require", "tls disable -> require");
    check_value(&full, "server", "DB.Example", "server db.example -> DB.Example");
    check(&full, "password", "new", "***encrypted***".into(), "password changed");
}

#[test]
fn parts_change_one_by_one_when_the_password_comes_along() {
    let full = full();
    let check = |name: &str, json: Json, history: &str| {
        let patch = with(json!(password: "new"), name, &json);
        let (changed, changes) = merge(&full, patch).expect("a change");
        assert_eq!(changes, history);
        let mut expected = members(&full);
        expected.iter_mut().filter(|(n, _)| *n == name).for_each(|(_, old)| *old = json.clone());
        assert_eq!(members(&changed), expected);
    };
    check("server", "other.example".into(), "server db.example -> other.example; password changed");
    check("port", 5433.into(), "port 5432 -> 5433; password changed");
    check("username", "admin".into(), "username app -> admin; password changed");
    check("system", "mysql".into(), "system postgres -> mysql; password changed");
}

#[test]
fn a_string_is_replaced_by_a_string() {
    let by_string = stored(&by_string());
    let (changed, changes) =
        merge(&by_string, json!(connection_string: "postgres://app:new@other.example"))
            .expect("a change");
    assert_eq!(changes, "connection_string changed");
    let shown = members(&changed).into_iter().find(|(n, _)| *n == "connection_string");
    assert_eq!(shown, Some(("connection_string", "postgres://app:***@other.example".into())));
}

#[test]
fn null_clears_what_may_be_null() {
    let full = full();
    check(&full, "max_connections", Json::Null, Json::Null, "max_connections 100 -> null");
    check(
        &full,
        "avg_response_time_ms",
        Json::Null,
        Json::Null,
        "avg_response_time_ms 15.2 -> null",
    );
    check(&full, "storage_capacity_gb", Json::Null, Json::Null, "storage_capacity_gb 1000 -> null");
    check(&full, "database", Json::Null, Json::Null, "database app -> null");
    check(&full, "is_active", Json::Null, true.into(), "is_active false -> true");
    check(&full, "tls", Json::Null, "prefer".into(), "tls disable -> prefer");
}

#[test]
fn null_does_not_clear_what_is_required() {
    let check = |stored: &Datastore, name: &str, expected: &str| {
        let patch = with(DatastoreFields::default(), name, &Json::Null);
        assert_eq!(refusal_of_write(stored, &patch, RevisionMode::Merge), expected);
    };
    let (full, by_string) = (full(), stored(&by_string()));
    for name in ["name", "type", "system", "description"] {
        check(&full, name, &format!("{name} required"));
        check(&by_string, name, &format!("{name} required"));
    }
    for name in ["server", "port", "username", "password"] {
        check(&full, name, &format!("{name} required"));
    }
    let neither = "server required, port required, username required, password required";
    check(&by_string, "connection_string", neither);
}

#[test]
fn null_for_a_member_of_the_form_that_is_not_in_use_changes_nothing() {
    assert_eq!(merge(&full(), json!(connection_string: Json::Null)), None);
    for name in ["server", "port", "username", "password", "database", "tls"] {
        let patch = with(DatastoreFields::default(), name, &Json::Null);
        assert_eq!(merge(&stored(&by_string()), patch), None, "{name}");
    }
}

#[test]
fn an_empty_patch_and_equal_values_change_nothing() {
    for stored in [full(), stored(&by_string())] {
        assert_eq!(merge(&stored, DatastoreFields::default()), None);
        for (name, json) in members(&stored) {
            let patch = with(DatastoreFields::default(), name, &json);
            if json != Json::Null {
                assert_eq!(merge(&stored, patch), None, "{name}");
            }
        }
    }
    // Equal after trimming and composition.
    let named = stored(&json!(parts(); name: "Caf\u{e9}"));
    assert_eq!(merge(&named, json!(name: " Cafe\u{301} ")), None);
}

#[test]
fn a_patch_of_type_or_system_is_checked_against_the_other_as_stored() {
    let check = |patch: DatastoreFields, expected: &str| {
        assert_eq!(refusal_of_write(&full(), &patch, RevisionMode::Merge), expected);
    };
    check(json!(type: "graph"), "type type_mismatch");
    check(json!(system: "neo4j"), "system type_mismatch");
    check(json!(type: "sql"), "");
    check(json!(system: "mysql", password: "p"), "");
    check(json!(type: "graph", system: "neo4j", password: "p"), "");
}

/// What is kept must suit the system that it is kept for.
#[test]
fn a_database_name_that_is_kept_is_checked_by_the_new_system() {
    let to_redis = json!(type: "keyvalue", system: "redis", password: "p");
    let refusal = refusal_of_write(&full(), &to_redis, RevisionMode::Merge);
    assert_eq!(refusal, "database invalid_format");
    let with_index = json!(to_redis; database: "7");
    assert_eq!(refusal_of_write(&full(), &with_index, RevisionMode::Merge), "");
}

#[test]
fn database_and_tls_say_nothing_beside_a_string() {
    let by_string = stored(&by_string());
    let check = |patch: DatastoreFields, expected: &str| {
        assert_eq!(refusal_of_write(&by_string, &patch, RevisionMode::Merge), expected);
    };
    check(json!(database: "app"), "database conflict");
    check(json!(tls: "verify_full"), "tls conflict");
    check(json!(connection_string: STRING, tls: "require"), "tls conflict");
}

#[test]
fn t15_an_equal_secret_is_sealed_anew_and_counts_as_changed() {
    let check = |stored: &Datastore, patch: DatastoreFields, history: &str| {
        let revision = stored
            .revise(patch, RevisionMode::Merge, TlsMode::Disable)
            .expect("valid")
            .expect("a change");
        assert!(matches!(revision.connection, SecretPlan::Seal(_)));
        assert_eq!(recorded(&revision.changes), history);
    };
    check(&full(), json!(password: PASSWORD), "password changed");
    check(
        &full(),
        json!(password: PASSWORD, is_active: true),
        "password changed; is_active false -> true",
    );
    check(&stored(&by_string()), json!(connection_string: STRING), "connection_string changed");
}

/// The members of both forms among all members.
const CONNECTION: std::ops::Range<usize> = 4..9;

#[test]
fn a_complete_form_replaces_the_other_which_is_wiped() {
    let (by_parts, by_string) = (full(), stored(&by_string()));
    let (changed, changes) = merge(&by_parts, json!(connection_string: STRING)).expect("a change");
    assert_eq!(
        changes,
        "server db.example -> null; port 5432 -> null; username app -> null; password changed; \
         connection_string changed; database app -> null; tls disable -> null"
    );
    assert_eq!(members(&changed)[CONNECTION], members(&by_string)[CONNECTION]);
    let four = json!(server: "h", port: 1, username: "u", password: "p");
    let (changed, changes) = merge(&by_string, four).expect("a change");
    assert_eq!(
        changes,
        "server null -> h; port null -> 1; username null -> u; password changed; \
         connection_string changed; tls null -> prefer"
    );
    assert_eq!(
        members(&changed)[CONNECTION],
        members(&stored(&json!(parts(); server: "h", port: 1, username: "u")))[CONNECTION]
    );
}

#[test]
fn an_incomplete_form_does_not_replace_the_other() {
    let by_string = stored(&by_string());
    let check = |patch: DatastoreFields, expected: &str| {
        assert_eq!(refusal_of_write(&by_string, &patch, RevisionMode::Merge), expected);
    };
    check(json!(server: "h"), "port required, username required, password required");
    check(json!(server: "h", port: 1, password: "p"), "username required");
    check(json!(password: "p", connection_string: STRING), "connection_string conflict");
}
