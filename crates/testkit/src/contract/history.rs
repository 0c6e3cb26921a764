//! The history that commands write.

#![expect(missing_docs, reason = "the names of the cases say what they check")]

use super::Subject;
use crate::{assignment, at, dataset, entry, new_datastore, token_name};
use datastore_domain::{
    Action, Change, Datastore, DatastoreId, HistoryEntry, RecordedEntry, RequestId, Role,
    TokenDigest, Version,
};

async fn lines(subject: &Subject, datastore: &Datastore) -> Vec<RecordedEntry> {
    subject.recorded(Some(datastore.id)).await
}

fn summary(lines: &[RecordedEntry]) -> Vec<(Action, Option<i64>)> {
    lines.iter().map(|line| (line.action, line.version.map(Version::get))).collect()
}

/// Versions without gaps, whatever number the caller gave.
pub async fn records_what_commands_did(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let other = subject.insert(new_datastore("other")).await;
    let next = Datastore { version: one.version.next(), updated_at: at(60), ..one.clone() };
    let update = subject.datastores.update(&next, one.version, entry(Action::Update));
    update.await.expect("nothing is in the way");
    subject.delete(&next).await.expect("it lives");
    let expected =
        [(Action::Create, Some(1)), (Action::Update, Some(2)), (Action::Delete, Some(3))];
    assert_eq!(summary(&lines(subject, &one).await), expected);
    assert_eq!(summary(&lines(subject, &other).await), [(Action::Create, Some(1))]);
    assert_eq!(subject.recorded(None).await.len(), 4);
}

pub async fn records_nothing_for_what_was_refused(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    subject.insert(new_datastore("taken")).await;
    let before = subject.recorded(None).await;
    let create = || entry(Action::Create);
    subject.datastores.insert(new_datastore("one"), create()).await.expect_err("name taken");
    let mut renamed = one.clone();
    renamed.version = one.version.next();
    renamed.profile = crate::profile("taken");
    let update = || entry(Action::Update);
    let taken = subject.datastores.update(&renamed, one.version, update()).await;
    taken.expect_err("name taken");
    let stale = subject.datastores.update(&renamed, one.version.next(), update()).await;
    stale.expect_err("version conflict");
    let absent = dataset("d");
    let release = subject.assignments.release(one.id, &absent, at(1), entry(Action::Release));
    release.await.expect_err("not assigned");
    assert_eq!(subject.recorded(None).await, before);
    assert_eq!(subject.find(one.id).await, Some(one));
}

pub async fn writes_changes_as_json_in_member_order(subject: &Subject) {
    let changes = vec![
        Change::text("name", None, Some("with \"quotes\" and \u{1F418}")),
        Change::text("a_member_that_sorts_first", Some("x"), None),
    ];
    let created = HistoryEntry { changes, ..entry(Action::Create) };
    let one = subject.datastores.insert(new_datastore("one"), created).await;
    let one = one.expect("nothing is in the way");
    let line = lines(subject, &one).await.remove(0);
    let expected = concat!(
        r#"{"name":{"from":null,"to":"with \"quotes\" and "#,
        "\u{1F418}",
        r#""},"a_member_that_sorts_first":{"from":"x","to":null}}"#
    );
    assert_eq!(line.changes, expected);
}

pub async fn records_assignments_tokens_and_requests(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let by_command = HistoryEntry {
        at: at(3),
        actor: token_name("cli"),
        datastore: DatastoreId::new(77),
        request_id: None,
        ..entry(Action::Assign)
    };
    let assigned =
        subject.assignments.assign(one.id, assignment("d", at(3)), false, by_command).await;
    assigned.expect("nothing is in the way");
    let line = lines(subject, &one).await.remove(1);
    let expected = RecordedEntry {
        id: line.id,
        at: at(3),
        actor: token_name("cli"),
        action: Action::Assign,
        datastore: Some(one.id),
        version: None,
        changes: "{}".to_owned(),
        request_id: None,
    };
    assert_eq!(line, expected);
    let digest = TokenDigest::from_bytes([1; 32]);
    let created = entry(Action::TokenCreate);
    let made = subject.tokens.insert(token_name("t"), Role::Admin, digest, at(4), None, created);
    made.await.expect("nothing is in the way");
    let line = subject.recorded(None).await.pop().expect("the token's entry");
    assert_eq!((line.action, line.datastore), (Action::TokenCreate, None));
    assert_eq!(line.request_id, RequestId::new("request-1"));
}
