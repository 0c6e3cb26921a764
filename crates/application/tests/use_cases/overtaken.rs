//! Writes that another write overtakes between reading and storing.

use crate::support::{
    Mocks, changed_members, describe, granted, locate, secret, stored, text, violations,
};
use datastore_application::{ChangeDatastores, Error, Registry, Verify};
use datastore_domain::{
    Datastore, DatastoreFields, Host, Member, RevisionMode, SealedConnection, Version,
};
use datastore_ports::RepositoryError;
use datastore_testkit::at;
use std::sync::{Arc, Mutex};

/// `before` as another writer left it: one version on, with another name.
fn renamed(before: &Datastore) -> Datastore {
    let mut after = before.clone();
    after.version = before.version.next();
    after.profile.name = "Renamed".try_into().expect("valid");
    after
}

/// The datastore is found as it was, and from then on as the other writer left it; a write must
/// build on the latter.
fn overtaken_by(before: &Datastore, after: &Datastore) -> Mocks {
    let mut mocks = Mocks::at(at(60));
    let (before, after) = (before.clone(), after.clone());
    let current = after.version;
    let mut first = Some(before);
    mocks
        .datastores
        .expect_find()
        .times(1..=2)
        .returning(move |_| Ok(Some(first.take().unwrap_or_else(|| after.clone()))));
    mocks.datastores.expect_update().times(..=2).returning(move |_, expected, _| {
        if expected == current { Ok(()) } else { Err(RepositoryError::VersionConflict) }
    });
    mocks
}

async fn write(
    registry: &Registry,
    stored: &Datastore,
    fields: &DatastoreFields,
    mode: RevisionMode,
    expected: Option<&[Version]>,
) -> Result<Datastore, Error> {
    let located = locate::<ChangeDatastores>(registry, stored.id).await;
    let view = registry.revise(&granted(), located, fields, mode, expected, Verify::Never).await?;
    Ok(Datastore { version: view.version, profile: view.profile, ..stored.clone() })
}

#[tokio::test]
async fn without_a_precondition_an_overtaken_patch_builds_on_the_other_write() {
    let stored = stored();
    let registry = overtaken_by(&stored, &renamed(&stored)).registry();
    let changed = write(&registry, &stored, &describe("New."), RevisionMode::Merge, None).await;
    let changed = changed.expect("tried again");
    assert_eq!(changed.version, renamed(&stored).version.next());
    assert_eq!(changed.profile.name.as_str(), "Renamed");
    assert_eq!(changed.profile.description.as_str(), "New.");
}

#[tokio::test]
async fn with_a_precondition_an_overtaken_write_fails() {
    let stored = stored();
    let registry = overtaken_by(&stored, &renamed(&stored)).registry();
    let expected = [stored.version];
    let fields = describe("New.");
    let result = write(&registry, &stored, &fields, RevisionMode::Merge, Some(&expected)).await;
    assert!(matches!(result, Err(Error::PreconditionFailed)), "{result:?}");
}

/// What the other writer did may be just what was asked for.
#[tokio::test]
async fn an_overtaken_write_that_no_longer_changes_anything_stores_nothing() {
    let stored = stored();
    let registry = overtaken_by(&stored, &renamed(&stored)).registry();
    let fields = DatastoreFields { name: text("Renamed"), ..DatastoreFields::default() };
    let result = write(&registry, &stored, &fields, RevisionMode::Merge, None).await;
    assert_eq!(result.expect("fine").version, renamed(&stored).version);
}

/// The secret that a mask kept belonged to the place as it was; it must not follow the other
/// writer's to the place that this write names.
#[tokio::test]
async fn t14_an_overtaken_write_is_judged_anew() {
    let stored = stored();
    let mut moved = renamed(&stored);
    let SealedConnection::Parts { host, .. } = &mut moved.connection else { panic!("by parts") };
    *host = Host::try_from("new.example").expect("valid");
    let registry = overtaken_by(&stored, &moved).registry();
    let fields = DatastoreFields {
        description: text("New."),
        server: text("db.company.com"),
        port: Member::Given(5432.0),
        password: secret("***encrypted***"),
        ..DatastoreFields::default()
    };
    let result = write(&registry, &stored, &fields, RevisionMode::Merge, None).await;
    assert_eq!(violations(&result.expect_err("refused")), "password reentry_required");
}

#[tokio::test]
async fn a_write_overtaken_by_a_deletion_finds_nothing() {
    let stored = stored();
    let mut mocks = Mocks::at(at(60));
    // Located, read again, and gone after the write failed.
    let mut answers = [Some(stored.clone()), Some(stored.clone()), None].into_iter();
    mocks
        .datastores
        .expect_find()
        .times(3)
        .returning(move |_| Ok(answers.next().expect("three reads")));
    mocks
        .datastores
        .expect_update()
        .once()
        .returning(|_, _, _| Err(RepositoryError::VersionConflict));
    let registry = mocks.registry();
    let result = write(&registry, &stored, &describe("New."), RevisionMode::Merge, None).await;
    assert!(matches!(result, Err(Error::NotFound("datastore"))), "{result:?}");
}

/// Each round means that another writer got through, so the rounds are bounded and many.
#[tokio::test]
async fn a_write_that_is_always_overtaken_gives_up() {
    let stored = stored();
    let mut mocks = Mocks::at(at(60));
    let found = stored.clone();
    mocks.datastores.expect_find().returning(move |_| Ok(Some(found.clone())));
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&attempts);
    mocks.datastores.expect_update().returning(move |_, _, entry| {
        seen.lock().expect("not poisoned").push(changed_members(&entry.changes));
        Err(RepositoryError::VersionConflict)
    });
    let registry = mocks.registry();
    let result = write(&registry, &stored, &describe("New."), RevisionMode::Merge, None).await;
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    let attempts = attempts.lock().expect("not poisoned");
    assert!((8..=100).contains(&attempts.len()), "{attempts:?}");
}
