//! Assignments: what is asked of the port, and how its refusals are told.

use crate::support::{Mocks, granted, locate, stored};
use datastore_application::{AssignDatasets, AssignOutcome, AssignRequest, Error};
use datastore_domain::{Action, Change, DatastoreId, RequestId};
use datastore_ports::AssignmentError;
use datastore_testkit::{assignment, at, dataset, token_name};

fn request(move_here: bool) -> AssignRequest {
    AssignRequest { dataset: dataset("orders"), name: None, move_here }
}

async fn assign(mocks: Mocks, move_here: bool) -> Result<AssignOutcome, Error> {
    let registry = mocks.registry();
    let located = locate::<AssignDatasets>(&registry, stored().id).await;
    registry.assign(&granted(), &located, request(move_here)).await
}

#[tokio::test]
async fn an_assignment_names_who_and_when_in_row_and_history() {
    for move_here in [false, true] {
        let mut mocks = Mocks::at(at(60)).finds(&stored(), 1);
        mocks.assignments.expect_assign().once().returning(move |id, assigned, moves, entry| {
            let mut expected = assignment("orders", at(60));
            expected.assigned_by = token_name("ops");
            assert_eq!((id, &assigned, moves), (stored().id, &expected, move_here));
            assert_eq!((entry.actor.as_str(), entry.action), ("ops", Action::Assign));
            assert_eq!((entry.datastore, entry.version, entry.at), (Some(id), None, at(60)));
            assert_eq!(entry.changes, [Change::text("dataset_id", None, Some("orders"))]);
            assert_eq!(entry.request_id, RequestId::new("request-9"));
            Ok(AssignOutcome::Assigned(assigned))
        });
        let outcome = assign(mocks, move_here).await.expect("assigned");
        assert!(matches!(outcome, AssignOutcome::Assigned(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_release_is_entered_the_other_way_round() {
    let mut mocks = Mocks::at(at(60)).finds(&stored(), 1);
    mocks.assignments.expect_release().once().returning(|_, released, released_at, entry| {
        assert_eq!((released, released_at, entry.at), (&dataset("orders"), at(60), at(60)));
        assert_eq!(entry.action, Action::Release);
        assert_eq!(entry.changes, [Change::text("dataset_id", Some("orders"), None)]);
        Ok(())
    });
    let registry = mocks.registry();
    let located = locate::<AssignDatasets>(&registry, stored().id).await;
    registry.release(&granted(), &located, &dataset("orders")).await.expect("released");
}

#[tokio::test]
async fn refusals_are_told_in_the_terms_of_the_caller() {
    let refused = async |refusal: fn() -> AssignmentError| {
        let mut mocks = Mocks::at(at(60)).finds(&stored(), 1);
        mocks.assignments.expect_assign().once().returning(move |_, _, _, _| Err(refusal()));
        assign(mocks, false).await.expect_err("refused").to_string()
    };
    assert_eq!(refused(|| AssignmentError::NoDatastore).await, "there is no such datastore");
    assert_eq!(refused(|| AssignmentError::NotAssigned).await, "there is no such assignment");
    assert_eq!(refused(|| AssignmentError::Inactive).await, "the datastore is not active");
    let elsewhere =
        || AssignmentError::AssignedElsewhere { datastore: DatastoreId::new(9).expect("positive") };
    assert_eq!(refused(elsewhere).await, "the dataset is assigned to datastore 9");
}
