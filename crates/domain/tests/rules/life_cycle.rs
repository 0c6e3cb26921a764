//! Deletion, and the history of a creation.

use crate::support::{by_string, parts, recorded, stored, time};
use datastore_domain::{AlreadyDeleted, Datastore, Draft, TlsMode};

#[test]
fn a_datastore_is_deleted_once_and_kept_as_it_was() {
    let stored = stored(&parts());
    let deleted = stored.delete(time(9)).expect("it lives");
    let expected =
        Datastore { version: stored.version.next(), deleted_at: Some(time(9)), ..stored.clone() };
    assert_eq!(deleted, expected);
    assert_eq!(deleted.delete(time(10)), Err(AlreadyDeleted));
}

#[test]
fn a_creation_records_every_member_that_has_a_value() {
    let changes =
        |fields| recorded(&Draft::new(&fields, TlsMode::Disable).expect("valid").changes());
    assert_eq!(
        changes(json!(parts(); max_connections: 100)),
        "name null -> Primary; type null -> sql; system null -> postgres; \
         description null -> Orders and customers.; server null -> db.example; \
         port null -> 5432; username null -> app; password changed; is_active null -> true; \
         max_connections null -> 100; tls null -> prefer"
    );
    assert_eq!(
        changes(by_string()),
        "name null -> Primary; type null -> sql; system null -> postgres; \
         description null -> Orders and customers.; connection_string changed; \
         is_active null -> true"
    );
}
