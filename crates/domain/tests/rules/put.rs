//! PUT: the whole datastore anew.

use crate::support::{
    Json, after, as_read, by_string, members, parts, recorded, refusal_of_write, stored, with,
};
use datastore_domain::{Datastore, DatastoreFields, RevisionMode, System, TlsMode};

fn replace(stored: &Datastore, fields: DatastoreFields) -> Option<(Datastore, String)> {
    let revision =
        stored.revise(fields, RevisionMode::Replace, TlsMode::Disable).expect("a valid write")?;
    let changes = recorded(&revision.changes);
    Some((after(stored, revision), changes))
}

#[test]
fn putting_back_what_was_read_changes_nothing() {
    let inputs = [
        parts(),
        json!(parts(); database: "app", tls: "verify_full", is_active: false),
        json!(parts(); max_connections: 1, avg_response_time_ms: 0.1, storage_capacity_gb: 1e9),
        json!(parts(); server: "[2001:db8::7]", username: "***encrypted***"),
        by_string(),
        json!(by_string(); connection_string: "postgres://%2A%2A%2A:p@[::1]/a%20b"),
        json!(by_string(); connection_string: "postgres://h"),
    ];
    for input in inputs.into_iter().chain(System::ALL.map(crate::support::parts_of)) {
        let stored = stored(&input);
        assert_eq!(replace(&stored, as_read(&stored)), None, "{input:?}");
    }
}

#[test]
fn what_a_put_leaves_out_becomes_null_or_its_default() {
    let full = stored(&json!(parts();
        database: "app", tls: "disable", is_active: false, max_connections: 100,
        avg_response_time_ms: 15.2, storage_capacity_gb: 1000));
    let (changed, changes) =
        replace(&full, json!(parts(); password: "***encrypted***")).expect("a change");
    assert_eq!(
        changes,
        "is_active false -> true; max_connections 100 -> null; avg_response_time_ms 15.2 -> null; \
         storage_capacity_gb 1000 -> null; database app -> null; tls disable -> prefer"
    );
    assert_eq!(members(&changed), members(&stored(&parts())));
}

#[test]
fn a_put_needs_what_a_new_datastore_needs_the_secret_or_its_mask_included() {
    let by_parts = stored(&parts());
    for name in ["name", "type", "system", "description", "server", "port", "username", "password"]
    {
        let put = with(as_read(&by_parts), name, &Json::Null);
        let refusal = refusal_of_write(&by_parts, &put, RevisionMode::Replace);
        assert_eq!(refusal, format!("{name} required"));
    }
    let by_string = stored(&by_string());
    let put = with(as_read(&by_string), "connection_string", &Json::Null);
    let refusal = refusal_of_write(&by_string, &put, RevisionMode::Replace);
    assert_eq!(refusal, "server required, port required, username required, password required");
}

#[test]
fn a_put_of_the_other_form_replaces_the_stored_one() {
    let (by_parts, by_string) = (stored(&parts()), stored(&by_string()));
    let to_string = crate::support::by_string();
    let (changed, _) = replace(&by_parts, to_string).expect("a change");
    assert_eq!(members(&changed), members(&by_string));
    let (changed, _) = replace(&by_string, parts()).expect("a change");
    assert_eq!(members(&changed), members(&by_parts));
}

#[test]
fn all_violations_of_a_put_come_in_one_answer() {
    let put = json!(parts(); name: "", port: 0, password: "", tls: "always", is_active: "yes");
    let refusal = refusal_of_write(&stored(&parts()), &put, RevisionMode::Replace);
    assert_eq!(
        refusal,
        "name blank, port out_of_range, password blank, is_active invalid_type, tls unknown_choice"
    );
}
