//! What a role may not do is refused, whatever becomes of its entry in the audit.

use crate::support::{Mocks, cause};
use datastore_application::{Caller, ListDeleted};
use datastore_domain::{Action, Actor, RequestId, Role, TokenId};
use datastore_ports::RepositoryError;
use datastore_testkit::{at, token_name};

#[tokio::test]
async fn t29_an_attempt_that_cannot_be_recorded_is_refused_like_any_other() {
    let mut mocks = Mocks::at(at(5));
    mocks.history.expect_record().times(1).returning(|entry| {
        assert_eq!((entry.action, entry.at, entry.datastore), (Action::Refused, at(5), None));
        Err(RepositoryError::Unavailable(cause()))
    });
    mocks.history.expect_record().times(9).returning(|_| Ok(()));
    let registry = mocks.registry();
    let actor = Actor { token: TokenId(1), name: token_name("eyes"), role: Role::Viewer };
    let caller = Caller { actor, request_id: RequestId::new("request-9") };
    for _ in 0..12 {
        let refused = registry.authorize::<ListDeleted>(caller.clone()).await;
        assert_eq!(refused.expect_err("a viewer may not").role, Role::Viewer);
    }
}
