//! The history that commands write.

#![expect(missing_docs, reason = "the names of the cases say what they check")]

use super::Subject;
use crate::contract::action_of;
use crate::{assignment, at, dataset, entry, new_datastore, page, token_name};
use datastore_domain::{
    Action, Change, Check, Datastore, DatastoreId, EntryId, HistoryEntry, HistoryFilter, Paging,
    RecordedEntry, RequestId, Role, Side, TokenDigest, Version,
};

async fn lines(subject: &Subject, datastore: &Datastore) -> Vec<RecordedEntry> {
    subject.recorded(Some(datastore.id)).await
}

fn summary(lines: &[RecordedEntry]) -> Vec<(Action, Option<i64>)> {
    lines.iter().map(|line| (action_of(line), line.version.map(Version::get))).collect()
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
        action: Action::Assign.as_str().to_owned(),
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
    assert_eq!((action_of(&line), line.datastore), (Action::TokenCreate, None));
    assert_eq!(line.request_id, RequestId::new("request-1"));
}

/// Of tests, with and without a datastore: no version counts, and none is taken.
pub async fn records_what_changed_nothing(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let at_version = Some(one.version);
    for datastore in [Some(one.id), None] {
        let test = HistoryEntry { datastore, ..entry(Action::ConnectionTest) };
        subject.history.record(test).await.expect("nothing is in the way");
    }
    let recorded = subject.recorded(None).await;
    let told: Vec<_> = recorded.iter().map(|e| (action_of(e), e.datastore, e.version)).collect();
    let test = |datastore| (Action::ConnectionTest, datastore, None);
    assert_eq!(told, [(Action::Create, Some(one.id), at_version), test(Some(one.id)), test(None)]);
    assert_eq!(recorded[1].request_id, RequestId::new("request-1"));
    assert_eq!(subject.find(one.id).await, Some(one));
}

/// Three datastores, changed by two actors, and tested: 15 entries, the newest first.
async fn fill(subject: &Subject) -> Vec<RecordedEntry> {
    for name in ["one", "two", "three"] {
        let mut row = subject.insert(new_datastore(name)).await;
        for _ in 0..3 {
            let next = Datastore { version: row.version.next(), ..row.clone() };
            let actor = token_name(if name == "two" { "somebody" } else { "tester" });
            let entry = HistoryEntry { actor, ..entry(Action::Update) };
            let update = subject.datastores.update(&next, row.version, entry);
            update.await.expect("nothing is in the way");
            row = next;
        }
        let test = entry(Action::ConnectionTest);
        let check = Check { at: at(1), failure: None, response_time_ms: Some(1.0) };
        let tested = subject.checks.record(row.id, check, test).await;
        tested.expect("it exists");
    }
    let mut newest_first = subject.recorded(None).await;
    newest_first.reverse();
    assert_eq!(newest_first.len(), 15);
    newest_first
}

fn filters(entries: &[RecordedEntry]) -> Vec<HistoryFilter> {
    let datastore = entries[5].datastore;
    let actor = Some(token_name("somebody"));
    let (action, all) = (Some(Action::Update), HistoryFilter::default());
    vec![
        all.clone(),
        HistoryFilter { datastore, ..all.clone() },
        HistoryFilter { actor: actor.clone(), ..all.clone() },
        HistoryFilter { action, ..all.clone() },
        HistoryFilter { datastore, actor, action, ..all.clone() },
        HistoryFilter { actor: Some(token_name("nobody")), ..all.clone() },
        HistoryFilter { action: Some(Action::Restore), ..all.clone() },
        HistoryFilter { action: Some(Action::ConnectionTest), ..all.clone() },
        HistoryFilter { without_tests: true, ..all.clone() },
        HistoryFilter { datastore, without_tests: true, ..all.clone() },
        HistoryFilter { datastore: DatastoreId::new(999_999), ..all },
    ]
}

fn matching(entries: &[RecordedEntry], filter: &HistoryFilter) -> Vec<RecordedEntry> {
    let matches = |entry: &&RecordedEntry| {
        filter.datastore.is_none_or(|datastore| entry.datastore == Some(datastore))
            && filter.actor.as_ref().is_none_or(|actor| entry.actor == *actor)
            && filter.action.is_none_or(|action| entry.action == action.as_str())
            && !(filter.without_tests && action_of(entry) == Action::ConnectionTest)
    };
    entries.iter().filter(matches).cloned().collect()
}

pub async fn filters_newest_first_and_pages(subject: &Subject) {
    let entries = fill(subject).await;
    assert!(entries.is_sorted_by(|a, b| a.id > b.id));
    for filter in filters(&entries) {
        let expected = matching(&entries, &filter);
        for (number, rows) in (1..).zip(expected.chunks(5)) {
            let paging = Paging::Number(page(number, 5));
            let found = subject.history.entries(&filter, paging).await.expect("answers");
            assert_eq!((found.count, &found.rows[..]), (Some(expected.len() as u64), rows));
            let is_last = rows.last() == expected.last();
            assert_eq!((found.before, found.after), (number > 1, !is_last), "{filter:?}");
        }
        let beyond = Paging::Number(page(9, 5));
        let found = subject.history.entries(&filter, beyond).await.expect("answers");
        assert_eq!((found.count, found.rows.len()), (Some(expected.len() as u64), 0));
        assert_eq!((found.before, found.after), (!expected.is_empty(), false));
    }
}

pub async fn walks_by_cursor_both_ways(subject: &Subject) {
    let entries = fill(subject).await;
    for filter in filters(&entries) {
        let expected = matching(&entries, &filter);
        for size in [1, 2, 3, 7, 500] {
            let ask = |from| subject.history.entries(&filter, Paging::Cursor { size, from });
            let mut next = ask(None).await.expect("answers");
            let mut met = Vec::new();
            while let Some(last) = next.rows.last() {
                assert_eq!((next.count, next.before), (None, !met.is_empty()), "{filter:?}");
                let from = Some((Side::After, last.id));
                met.append(&mut next.rows);
                assert_eq!(next.after, met.len() < expected.len(), "{filter:?}");
                next = ask(from).await.expect("answers");
            }
            assert_eq!(met, expected, "{filter:?}");
            assert_eq!((next.before, next.after), (!expected.is_empty(), false));
            let (mut anchor, mut met) = (EntryId(0), Vec::new());
            loop {
                let back = ask(Some((Side::Before, anchor))).await.expect("answers");
                let Some(first) = back.rows.first() else { break };
                assert_eq!(back.after, !met.is_empty(), "{filter:?}");
                anchor = first.id;
                met.splice(0..0, back.rows);
                assert_eq!(back.before, met.len() < expected.len(), "{filter:?}");
            }
            assert_eq!(met, expected, "{filter:?}");
        }
    }
}

/// Whoever goes on from the newest entry meets those that came meanwhile.
pub async fn meets_new_entries_before_the_first_page(subject: &Subject) {
    let newest = fill(subject).await.remove(0);
    let filter = HistoryFilter::default();
    let paging = Paging::Cursor { size: 5, from: Some((Side::Before, newest.id)) };
    let before = subject.history.entries(&filter, paging.clone()).await.expect("answers");
    assert!(before.rows.is_empty() && !before.before && before.after);
    subject.insert(new_datastore("four")).await;
    let before = subject.history.entries(&filter, paging).await.expect("answers");
    assert_eq!((before.rows.len(), before.before, before.after), (1, false, true));
    let last = Paging::Cursor { size: 5, from: Some((Side::After, EntryId(i64::MAX))) };
    let first_page = subject.history.entries(&filter, last).await.expect("answers");
    assert_eq!((first_page.rows.len(), first_page.before, first_page.after), (5, false, true));
}
