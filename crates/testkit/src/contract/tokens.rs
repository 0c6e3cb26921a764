//! Access tokens.

#![expect(missing_docs, reason = "the names of the cases say what they check")]

use super::{Subject, assert_form};
use crate::contract::action_of;
use crate::{at, entry, page, token_name};
use datastore_domain::{
    Action, Change, HistoryEntry, Role, Timestamp, TokenDigest, TokenId, TokenRecord,
};
use datastore_ports::RepositoryError;

async fn insert(
    subject: &Subject,
    name: &str,
    role: Role,
    digest: TokenDigest,
    expires_at: Option<Timestamp>,
) -> TokenRecord {
    let entry = entry(Action::TokenCreate);
    let made =
        subject.tokens.insert(token_name(name), role, digest, at(1), expires_at, entry).await;
    made.expect("nothing is in the way")
}

async fn all(subject: &Subject) -> Vec<TokenRecord> {
    subject.tokens.list(page(1, 500)).await.expect("the storage answers").rows
}

fn digest(byte: u8) -> TokenDigest {
    TokenDigest::from_bytes([byte; 32])
}

pub async fn finds_by_digest_only(subject: &Subject) {
    let mut made = Vec::new();
    for (byte, role) in (0..).zip(Role::ALL) {
        let expires_at = (byte % 2 == 0).then(|| at(1000));
        let record = insert(subject, "same name", role, digest(byte), expires_at).await;
        assert_eq!((record.name.as_str(), record.role), ("same name", role));
        assert_eq!((record.created_at, record.expires_at), (at(1), expires_at));
        assert_eq!(record.revoked_at, None);
        made.push((byte, record));
    }
    for (byte, record) in made {
        let found = subject.tokens.find(digest(byte)).await.expect("the storage answers");
        assert_eq!(found, Some(record));
    }
    let found = subject.tokens.find(digest(99)).await.expect("the storage answers");
    assert_eq!(found, None);
}

pub async fn lists_by_number(subject: &Subject) {
    let mut made = Vec::new();
    for (byte, name) in (0..).zip(["z", "a", "m"]) {
        made.push(insert(subject, name, Role::Viewer, digest(byte), None).await);
    }
    assert_eq!(all(subject).await, made);
    assert!(made.is_sorted_by(|a, b| a.id < b.id));
}

pub async fn gets_by_number_and_pages(subject: &Subject) {
    let mut made = Vec::new();
    for byte in 0..5 {
        made.push(insert(subject, "same name", Role::Viewer, digest(byte), Some(at(2))).await);
    }
    let revoke = subject.tokens.revoke(made[1].id, at(5), entry(Action::TokenRevoke));
    revoke.await.expect("it exists");
    made[1].revoked_at = Some(at(5));
    for record in &made {
        let found = subject.tokens.get(record.id).await.expect("the storage answers");
        assert_eq!(found.as_ref(), Some(record));
    }
    for id in [TokenId(0), TokenId(-1), TokenId(i64::MAX)] {
        assert_eq!(subject.tokens.get(id).await.expect("the storage answers"), None);
    }
    let pages = [(1, &made[..2], false, true), (3, &made[4..], true, false), (9, &[], true, false)];
    for (number, rows, before, after) in pages {
        let page = subject.tokens.list(page(number, 2)).await.expect("the storage answers");
        assert_eq!((page.count, page.rows.as_slice()), (Some(5), rows), "page {number}");
        assert_eq!((page.before, page.after), (before, after), "page {number}");
    }
}

pub async fn records_the_number_of_a_new_one(subject: &Subject) {
    let changes = vec![Change::text("name", None, Some("ci"))];
    let entry = HistoryEntry { changes, ..entry(Action::TokenCreate) };
    let name = token_name("ci");
    let made = subject.tokens.insert(name, Role::Editor, digest(1), at(1), None, entry).await;
    let id = made.expect("nothing is in the way").id;
    let recorded = subject.recorded(None).await.remove(0);
    let expected =
        format!(r#"{{"token_id":{{"from":null,"to":{id}}},"name":{{"from":null,"to":"ci"}}}}"#);
    assert_eq!(recorded.changes, expected);
    assert_eq!((recorded.datastore, recorded.version), (None, None));
}

pub async fn revokes_once(subject: &Subject) {
    let mut record = insert(subject, "ci", Role::Editor, digest(1), None).await;
    let other = insert(subject, "other", Role::Editor, digest(2), None).await;
    for seconds in [5, 9] {
        let revoked = subject.tokens.revoke(record.id, at(seconds), entry(Action::TokenRevoke));
        revoked.await.expect("it exists");
    }
    record.revoked_at = Some(at(5));
    let found = subject.tokens.find(digest(1)).await.expect("the storage answers");
    assert_eq!(found.as_ref(), Some(&record));
    assert_eq!(all(subject).await, [record, other]);
    let lines = subject.recorded(None).await;
    let actions: Vec<_> = lines.into_iter().map(|line| action_of(&line)).collect();
    assert_eq!(actions, [Action::TokenCreate, Action::TokenCreate, Action::TokenRevoke]);
}

pub async fn refuses_to_revoke_what_is_absent(subject: &Subject) {
    for id in [TokenId(1), TokenId(0), TokenId(-1), TokenId(i64::MAX)] {
        let result = subject.tokens.revoke(id, at(1), entry(Action::TokenRevoke)).await;
        assert_form!(result, Err(RepositoryError::NotFound));
    }
    assert!(subject.recorded(None).await.is_empty());
}
