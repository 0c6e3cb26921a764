//! Insert, find and update.

#![expect(missing_docs, reason = "the names of the cases say what they check")]

use super::{Subject, assert_form, no_datastore};
use crate::{at, entry, new_datastore, new_datastore_by_string, profile};
use datastore_domain::{
    Action, Classification, DatabaseName, Datastore, Description, Host, MaxConnections, Measure,
    Port, SealedConnection, SealedValue, System, TlsMode, Username, Version,
};
use datastore_ports::{NewDatastore, RepositoryError};

async fn round_trip(subject: &Subject, new: NewDatastore) -> Datastore {
    let stored = subject.insert(new.clone()).await;
    assert_eq!(stored.record, new.record);
    assert_eq!(stored.version, Version::FIRST);
    assert_eq!((stored.created_at, stored.updated_at, stored.deleted_at), (new.at, new.at, None));
    assert_eq!((&stored.profile, &stored.connection), (&new.profile, &new.connection));
    let found = subject.find(stored.id).await;
    assert_eq!(found.as_ref(), Some(&stored));
    stored
}

pub async fn finds_every_field_of_a_connection_by_parts(subject: &Subject) {
    for (system, tls) in System::ALL.into_iter().zip(TlsMode::ALL.into_iter().cycle()) {
        let mut new = new_datastore(system.as_str());
        new.profile.classification = Classification::from(system);
        new.connection = SealedConnection::Parts {
            host: Host::try_from("[2001:db8::1]").expect("valid"),
            port: Port::try_from(65_535).expect("valid"),
            username: Username::try_from(" spaced user ").expect("valid"),
            password: SealedValue::new((0..=255).collect()),
            database: Some(DatabaseName::new("15", system).expect("valid")),
            tls,
        };
        round_trip(subject, new).await;
    }
}

pub async fn finds_every_field_of_a_connection_by_string(subject: &Subject) {
    round_trip(subject, new_datastore_by_string("by string")).await;
}

pub async fn finds_absent_members_as_absent(subject: &Subject) {
    let mut new = new_datastore("bare");
    new.profile.is_active = false;
    new.profile.max_connections = None;
    new.profile.avg_response_time_ms = None;
    new.profile.storage_capacity_gb = None;
    if let SealedConnection::Parts { database, .. } = &mut new.connection {
        *database = None;
    }
    round_trip(subject, new).await;
}

/// Also the ends of the ranges of numbers and times, and fractions that no short decimal is.
pub async fn keeps_text_byte_for_byte(subject: &Subject) {
    let mut new = new_datastore("Größe \u{1F418} '; DROP TABLE datastores; -- \"%_\\");
    new.profile.description =
        Description::try_from("line\r\nline\ttab {{7*7}} \u{202E}e\u{301}").expect("valid");
    new.profile.max_connections = Some(MaxConnections::try_from(2_147_483_647.0).expect("valid"));
    new.profile.avg_response_time_ms = Some(Measure::try_from(f64::MIN_POSITIVE).expect("valid"));
    new.profile.storage_capacity_gb = Some(Measure::try_from(0.1 + 0.2).expect("valid"));
    new.at = datastore_domain::Timestamp::parse("9999-12-31T23:59:59.999999Z").expect("valid");
    round_trip(subject, new).await;
    let mut new = new_datastore(&"\u{1F418}".repeat(255));
    new.profile.description = Description::try_from(&*"ß".repeat(10_000)).expect("valid");
    new.profile.storage_capacity_gb = Some(Measure::try_from(f64::MAX).expect("valid"));
    new.at = datastore_domain::Timestamp::parse("0000-01-01T00:00:00Z").expect("valid");
    round_trip(subject, new).await;
}

pub async fn finds_nothing_under_an_unknown_number(subject: &Subject) {
    assert_eq!(subject.find(no_datastore()).await, None);
}

async fn insert_result(subject: &Subject, name: &str) -> Result<Datastore, RepositoryError> {
    subject.datastores.insert(new_datastore(name), entry(Action::Create)).await
}

pub async fn refuses_a_name_that_is_taken(subject: &Subject) {
    subject.insert(new_datastore("taken")).await;
    assert_form!(insert_result(subject, "taken").await, Err(RepositoryError::NameTaken));
}

pub async fn tells_names_apart_by_case(subject: &Subject) {
    for name in ["orders", "Orders", "ORDERS", "ordérs"] {
        subject.insert(new_datastore(name)).await;
    }
}

pub async fn frees_the_name_of_what_is_deleted(subject: &Subject) {
    let first = subject.insert(new_datastore("again")).await;
    subject.delete(&first).await.expect("it lives");
    let second = subject.insert(new_datastore("again")).await;
    subject.delete(&second).await.expect("two deleted ones may have one name");
    subject.insert(new_datastore("again")).await;
    assert_form!(insert_result(subject, "again").await, Err(RepositoryError::NameTaken));
}

pub async fn never_reuses_a_number(subject: &Subject) {
    let mut seen = Vec::new();
    for round in 0..5 {
        let stored = subject.insert(new_datastore("same")).await;
        assert!(seen.iter().all(|earlier| *earlier < stored.id), "round {round}: {seen:?}");
        seen.push(stored.id);
        assert_form!(insert_result(subject, "same").await, Err(RepositoryError::NameTaken));
        subject.delete(&stored).await.expect("it lives");
    }
}

/// `stored` as somebody changed it a minute later.
fn changed(stored: &Datastore, name: &str) -> Datastore {
    Datastore {
        version: stored.version.next(),
        updated_at: at(60),
        profile: profile(name),
        ..stored.clone()
    }
}

async fn update(
    subject: &Subject,
    changed: &Datastore,
    expected: Version,
) -> Result<(), RepositoryError> {
    subject.datastores.update(changed, expected, entry(Action::Update)).await
}

pub async fn updates_every_field_and_changes_the_form(subject: &Subject) {
    let stored = subject.insert(new_datastore("before")).await;
    let mut next = changed(&stored, "after");
    next.profile.classification = Classification::from(System::Redis);
    next.profile.description = Description::try_from("another").expect("valid");
    next.profile.is_active = false;
    next.profile.max_connections = None;
    next.profile.avg_response_time_ms = None;
    next.profile.storage_capacity_gb = Some(Measure::try_from(1.0).expect("valid"));
    next.connection = new_datastore_by_string("x").connection;
    update(subject, &next, stored.version).await.expect("nothing is in the way");
    assert_eq!(subject.find(stored.id).await.as_ref(), Some(&next));
    let mut back = changed(&next, "before");
    back.connection = stored.connection.clone();
    update(subject, &back, next.version).await.expect("nothing is in the way");
    assert_eq!(subject.find(stored.id).await, Some(back));
}

pub async fn refuses_an_update_of_an_older_version(subject: &Subject) {
    let stored = subject.insert(new_datastore("one")).await;
    let first = changed(&stored, "first writer");
    update(subject, &first, stored.version).await.expect("nothing is in the way");
    let second = changed(&stored, "second writer");
    let result = update(subject, &second, stored.version).await;
    assert_form!(result, Err(RepositoryError::VersionConflict));
    let newer = update(subject, &second, first.version.next()).await;
    assert_form!(newer, Err(RepositoryError::VersionConflict));
    assert_eq!(subject.find(stored.id).await, Some(first));
}

pub async fn refuses_an_update_to_a_name_that_is_taken(subject: &Subject) {
    subject.insert(new_datastore("taken")).await;
    let stored = subject.insert(new_datastore("mine")).await;
    let result = update(subject, &changed(&stored, "taken"), stored.version).await;
    assert_form!(result, Err(RepositoryError::NameTaken));
    assert_eq!(subject.find(stored.id).await, Some(stored));
}

pub async fn takes_an_update_that_keeps_its_name(subject: &Subject) {
    let stored = subject.insert(new_datastore("mine")).await;
    let next = changed(&stored, "mine");
    update(subject, &next, stored.version).await.expect("its own name is not in the way");
    assert_eq!(subject.find(stored.id).await, Some(next));
}

pub async fn refuses_an_update_of_what_is_absent_or_deleted(subject: &Subject) {
    let stored = subject.insert(new_datastore("gone")).await;
    subject.delete(&stored).await.expect("it lives");
    for expected in [stored.version, stored.version.next()] {
        let result = update(subject, &changed(&stored, "gone"), expected).await;
        assert_form!(result, Err(RepositoryError::NotFound));
    }
    let absent = Datastore { id: no_datastore(), ..changed(&stored, "absent") };
    let result = update(subject, &absent, stored.version).await;
    assert_form!(result, Err(RepositoryError::NotFound));
}

pub async fn answers_a_ping(subject: &Subject) {
    subject.datastores.ping().await.expect("the storage answers");
}
