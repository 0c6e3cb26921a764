//! Connection tests: what is opened, tried and recorded.

use crate::support::{Mocks, assert_internal, cause, granted, locate, stored, stored_from};
use datastore_application::{Error, TestConnections};
use datastore_domain::{
    Action, Change, Check, Datastore, FailureCode, HistoryEntry, ProbeDetails, ProbeFailure,
    ProbeReport, RequestId, Secret, Step, StepReport, TokenId,
};
use datastore_ports::{CipherError, ConnectionTest, RepositoryError, SecretField, TestError};
use datastore_testkit::{at, new_datastore_by_string, token_name};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_millis(750);

pub(crate) fn report(result: Result<(), (Step, FailureCode)>) -> ProbeReport {
    let details = ProbeDetails { server_version: None, database_name: None, connected_at: at(60) };
    let failure = |(step, code)| ProbeFailure { step, code, message: "It failed.".to_owned() };
    ProbeReport {
        result: result.map(|()| details).map_err(failure),
        response_time_ms: Some(12.5),
        steps: Step::ALL.map(|step| StepReport { step, outcome: None }),
        tls_used: None,
        password_required: None,
        reused: false,
    }
}

/// Insists on the entry of a test of datastore 7 by `ops`.
fn assert_in_audit(entry: &HistoryEntry, outcome: &str) {
    let told = [
        ("tested", "saved"),
        ("target", "db.company.com:5432"),
        ("username", "app_user"),
        ("outcome", outcome),
    ];
    let expected = HistoryEntry {
        at: at(60),
        actor: token_name("ops"),
        action: Action::ConnectionTest,
        datastore: Some(stored().id),
        version: None,
        changes: told.map(|(member, to)| Change::text(member, None, Some(to))).to_vec(),
        request_id: RequestId::new("request-9"),
    };
    assert_eq!(*entry, expected);
}

/// Opens the stored secret as `plain`, and reports as told.
fn mocks(stored: &Datastore, plain: &'static str, report: ProbeReport) -> Mocks {
    let mut mocks = Mocks::at(at(60)).finds(stored, 2);
    mocks.cipher.expect_open().once().returning(|_, _| Ok(Secret::new(plain.to_owned())));
    mocks.tester.expect_test().once().returning(move |_| Ok(report.clone()));
    mocks
}

async fn test(mocks: Mocks) -> Result<ProbeReport, Error> {
    let registry = mocks.registry();
    let located = locate::<TestConnections>(&registry, stored().id).await;
    registry.test_connection(&granted(), &located, DEADLINE, false).await
}

#[tokio::test]
async fn a_test_is_recorded_whatever_it_found() {
    let timeout = (Step::Connect, FailureCode::Timeout);
    for result in [Ok(()), Err(timeout)] {
        let mut mocks = mocks(&stored(), "p", report(result));
        mocks.checks.expect_record().once().returning(move |id, check, entry| {
            assert_in_audit(&entry, result.err().map_or("success", |(_, code)| code.as_str()));
            let failure = result.err();
            assert_eq!(id, stored().id);
            assert_eq!(check, Check { at: at(60), failure, response_time_ms: Some(12.5) });
            Ok(())
        });
        assert_eq!(test(mocks).await.expect("it ran"), report(result));
    }
}

/// It says nothing about the datastore, and something about who asked for it.
#[tokio::test]
async fn a_test_that_the_policy_forbade_is_in_the_audit_alone() {
    let blocked = report(Err((Step::Resolve, FailureCode::BlockedByPolicy)));
    let mut mocks = mocks(&stored(), "p", blocked.clone());
    mocks.history.expect_record().once().returning(|entry| {
        assert_in_audit(&entry, "blocked_by_policy");
        Ok(())
    });
    assert_eq!(test(mocks).await.expect("it ran"), blocked);
}

#[tokio::test]
async fn the_tester_is_asked_for_what_is_stored_within_the_deadline() {
    let by_string = stored_from(new_datastore_by_string("Primary"));
    let string = "postgres://app_user:opened@db.company.com:5432/registry?sslmode=require";
    let cases = [
        (stored(), SecretField::Password, "opened"),
        (by_string, SecretField::ConnectionString, string),
    ];
    for (stored, field, plain) in cases {
        let mut mocks = Mocks::at(at(60)).finds(&stored, 2);
        let record = stored.record;
        mocks.cipher.expect_open().once().returning(move |context, _| {
            assert_eq!((context.record, context.field), (record, field));
            Ok(Secret::new(plain.to_owned()))
        });
        mocks.tester.expect_test().once().returning(|test| {
            let ConnectionTest { spec, deadline, token, reuse } = test;
            let credentials = spec.credentials.expect("a login");
            assert_eq!(credentials.username.expect("a user").as_str(), "app_user");
            assert_eq!(credentials.password.expect("a password").expose(), "opened");
            assert_eq!(spec.endpoints.len(), 1);
            assert_eq!(spec.endpoints[0].host.as_str(), "db.company.com");
            assert_eq!(spec.database.expect("a database").as_str(), "registry");
            assert_eq!(spec.tls.as_str(), "require");
            assert_eq!((deadline, token, reuse), (DEADLINE, TokenId(1), None));
            Ok(report(Ok(())))
        });
        mocks.checks.expect_record().once().returning(|_, _, _| Ok(()));
        test(mocks).await.expect("it ran");
    }
}

#[tokio::test]
async fn a_secret_that_does_not_open_is_never_tried() {
    let mut mocks = Mocks::default().finds(&stored(), 2);
    mocks.cipher.expect_open().once().returning(|_, _| Err(CipherError(cause())));
    assert_internal(&test(mocks).await.expect_err("not opened"));
}

#[tokio::test]
async fn a_test_that_could_not_run_is_an_error_and_not_recorded() {
    let refusals: [fn() -> TestError; 3] =
        [|| TestError::CapacityExceeded, || TestError::Cancelled, || TestError::Aborted(cause())];
    for refusal in refusals {
        let mut mocks = Mocks::default().finds(&stored(), 2);
        mocks.cipher.expect_open().returning(|_, _| Ok(Secret::new("p".to_owned())));
        mocks.tester.expect_test().once().returning(move |_| Err(refusal()));
        match (refusal(), test(mocks).await.expect_err("it did not run")) {
            (TestError::CapacityExceeded, Error::ProbeCapacityExceeded) => {}
            (TestError::Cancelled, Error::ProbeCancelled) => {}
            (TestError::Aborted(_), error) => assert_internal(&error),
            (refusal, error) => panic!("{refusal:?} became {error:?}"),
        }
    }
}

/// Also when that is not known: no change was tried that might be half done.
#[tokio::test]
async fn a_result_that_cannot_be_recorded_is_an_error() {
    for error in [RepositoryError::Unavailable, RepositoryError::OutcomeUnknown] {
        let mut mocks = mocks(&stored(), "p", report(Ok(())));
        mocks.checks.expect_record().returning(move |_, _, _| Err(error(cause())));
        let error = test(mocks).await.expect_err("not recorded");
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    }
}
