//! PUT and PATCH: what is asked of the ports, and what is not.

use crate::support::{
    Mocks, PASSWORD, STRING, assert_internal, cause, changed_members, describe, granted, locate,
    secret, stored, stored_from, text, violations,
};
use datastore_application::{ChangeDatastores, DatastoreView, Error, Verify};
use datastore_domain::{
    Action, Datastore, DatastoreFields, DatastoreId, Member, RequestId, RevisionMode, SealedValue,
    Version,
};
use datastore_ports::{CipherError, RepositoryError, SecretField};
use datastore_testkit::{at, new_datastore_by_string};

/// PATCHes the datastore that `mocks` find.
async fn patch(
    mocks: Mocks,
    id: DatastoreId,
    fields: &DatastoreFields,
    expected: Option<&[Version]>,
) -> Result<DatastoreView, Error> {
    let registry = mocks.registry();
    let located = locate::<ChangeDatastores>(&registry, id).await;
    registry.revise(&granted(), located, fields, RevisionMode::Merge, expected, Verify::Never).await
}

fn other_than(version: Version) -> Version {
    version.next()
}

/// Neither storage, nor cipher, nor clock: the version and `updated_at` stay.
#[tokio::test]
async fn a_write_that_changes_nothing_asks_for_nothing() {
    let stored = stored();
    let masked = DatastoreFields {
        password: secret("***encrypted***"),
        port: Member::Given(5432.0),
        ..DatastoreFields::default()
    };
    for fields in [DatastoreFields::default(), describe("Main relational database."), masked] {
        let mocks = Mocks::default().finds(&stored, 2);
        let view = patch(mocks, stored.id, &fields, Some(&[stored.version])).await.expect("fine");
        assert_eq!((view.version, view.updated_at), (stored.version, stored.updated_at));
    }
}

#[tokio::test]
async fn a_refused_write_asks_for_nothing() {
    let stored = stored();
    let mocks = Mocks::default().finds(&stored, 2);
    let error = patch(mocks, stored.id, &describe(" "), None).await.expect_err("refused");
    assert_eq!(violations(&error), "description blank");
}

#[tokio::test]
async fn violations_are_told_before_a_stale_precondition() {
    let stored = stored();
    let stale = [other_than(stored.version)];
    let mocks = Mocks::default().finds(&stored, 2);
    let error = patch(mocks, stored.id, &describe(" "), Some(&stale)).await.expect_err("refused");
    assert_eq!(violations(&error), "description blank");
    for fields in [describe("New."), DatastoreFields::default()] {
        let mocks = Mocks::default().finds(&stored, 2);
        let error = patch(mocks, stored.id, &fields, Some(&stale)).await.expect_err("stale");
        assert!(matches!(error, Error::PreconditionFailed), "{error:?}");
        let mocks = Mocks::default().finds(&stored, 2);
        let error = patch(mocks, stored.id, &fields, Some(&[])).await.expect_err("none matches");
        assert!(matches!(error, Error::PreconditionFailed), "{error:?}");
    }
}

#[tokio::test]
async fn t26_a_write_keeps_the_secret_and_all_that_is_not_for_clients() {
    let stored = stored();
    let mut mocks = Mocks::at(at(60)).finds(&stored, 2);
    let before = stored.clone();
    mocks.datastores.expect_update().once().returning(move |changed, expected, entry| {
        let next = before.version.next();
        let described = changed.profile.description.clone();
        let profile =
            datastore_domain::Profile { description: described, ..before.profile.clone() };
        let expected_row =
            Datastore { version: next, updated_at: at(60), profile, ..before.clone() };
        assert_eq!((changed, expected), (&expected_row, before.version));
        assert_eq!((entry.actor.as_str(), entry.action), ("ops", Action::Update));
        assert_eq!((entry.datastore, entry.version), (Some(before.id), Some(next)));
        assert_eq!((entry.at, entry.request_id), (at(60), RequestId::new("request-9")));
        assert_eq!(changed_members(&entry.changes), "description");
        Ok(())
    });
    let view = patch(mocks, stored.id, &describe("New."), None).await.expect("changed");
    assert_eq!(view.profile.description.as_str(), "New.");
    assert_eq!((view.version, view.updated_at), (stored.version.next(), at(60)));
}

/// A write of `fields` seals `plain` as `field` of the stored record.
async fn check_sealed(
    stored: Datastore,
    fields: DatastoreFields,
    field: SecretField,
    plain: &'static str,
    recorded: &'static str,
) {
    let mut mocks = Mocks::at(at(60)).finds(&stored, 2);
    let record = stored.record;
    mocks.cipher.expect_seal().once().returning(move |context, secret| {
        assert_eq!((context.record, context.field), (record, field));
        assert_eq!(secret.expose(), plain);
        Ok(SealedValue::new(b"anew".to_vec()))
    });
    mocks.datastores.expect_update().once().returning(move |_, _, entry| {
        assert_eq!(changed_members(&entry.changes), recorded);
        Ok(())
    });
    patch(mocks, stored.id, &fields, None).await.expect("changed");
}

#[tokio::test]
async fn a_written_secret_is_sealed_for_the_stored_record() {
    let password = DatastoreFields { password: secret(PASSWORD), ..DatastoreFields::default() };
    check_sealed(stored(), password, SecretField::Password, PASSWORD, "password (secret)").await;
    let by_string = stored_from(new_datastore_by_string("Primary"));
    let string =
        DatastoreFields { connection_string: secret(STRING), ..DatastoreFields::default() };
    let field = SecretField::ConnectionString;
    check_sealed(by_string, string.clone(), field, STRING, "connection_string (secret)").await;
    let recorded = "server, port, username, password (secret), connection_string (secret), \
                    database, tls";
    check_sealed(stored(), string, field, STRING, recorded).await;
}

#[tokio::test]
async fn t14_a_write_that_moves_a_kept_secret_asks_for_nothing() {
    let stored = stored();
    for fields in [
        DatastoreFields { server: text("evil.example"), ..DatastoreFields::default() },
        DatastoreFields { username: text("root"), ..DatastoreFields::default() },
        DatastoreFields { tls: text("disable"), ..DatastoreFields::default() },
    ] {
        let mocks = Mocks::default().finds(&stored, 2);
        let error = patch(mocks, stored.id, &fields, None).await.expect_err("refused");
        assert_eq!(violations(&error), "password reentry_required");
    }
}

#[tokio::test]
async fn what_cannot_be_sealed_is_not_stored() {
    let stored = stored();
    let mut mocks = Mocks::at(at(60)).finds(&stored, 2);
    mocks.cipher.expect_seal().returning(|_, _| Err(CipherError(cause())));
    let fields = DatastoreFields { password: secret(PASSWORD), ..DatastoreFields::default() };
    assert_internal(&patch(mocks, stored.id, &fields, None).await.expect_err("not sealed"));
}

#[tokio::test]
async fn a_name_that_is_taken_is_told_and_not_tried_again() {
    let stored = stored();
    let mut mocks = Mocks::at(at(60)).finds(&stored, 2);
    mocks.datastores.expect_update().once().returning(|_, _, _| Err(RepositoryError::NameTaken));
    let fields = DatastoreFields { name: text("Second"), ..DatastoreFields::default() };
    let error = patch(mocks, stored.id, &fields, None).await.expect_err("taken");
    assert!(matches!(error, Error::NameTaken), "{error:?}");
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_no_record_older() {
    let stored = Datastore { updated_at: at(100), ..stored() };
    let mut mocks = Mocks::at(at(60)).finds(&stored, 2);
    mocks.datastores.expect_update().once().returning(|changed, _, entry| {
        assert_eq!((changed.updated_at, entry.at), (at(100), at(100)));
        Ok(())
    });
    patch(mocks, stored.id, &describe("New."), None).await.expect("changed");
}

#[tokio::test]
async fn what_is_not_there_cannot_be_located() {
    let mut mocks = Mocks::default();
    mocks.datastores.expect_find().once().returning(|_| Ok(None));
    let registry = mocks.registry();
    let error = registry.locate(&granted::<ChangeDatastores>(), stored().id).await;
    assert!(matches!(error, Err(Error::NotFound("datastore"))), "{error:?}");
}
