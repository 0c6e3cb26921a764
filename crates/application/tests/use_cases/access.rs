//! Tokens: who is known, and what is entered about making and revoking them.

use crate::support::{cause, granted};
use datastore_application::{Access, AuthenticationError, Author, Error, ManageTokens};
use datastore_domain::{AccessToken, Action, RequestId, Role, Timestamp, TokenId, TokenRecord};
use datastore_ports::{MockClock, MockEntropy, MockTokenRepository, RepositoryError};
use datastore_testkit::{at, token_name};
use std::sync::Arc;

fn access(tokens: MockTokenRepository) -> Access {
    let (mut clock, mut entropy) = (MockClock::new(), MockEntropy::new());
    clock.expect_now().return_const(at(60));
    entropy.expect_bytes().returning(|| Ok([7; 32]));
    Access::new(Arc::new(tokens), Arc::new(clock), Arc::new(entropy))
}

fn record(expires_at: Option<Timestamp>, revoked_at: Option<Timestamp>) -> TokenRecord {
    let (id, name, role) = (TokenId(4), token_name("ci"), Role::Matcher);
    TokenRecord { id, name, role, created_at: at(0), expires_at, revoked_at }
}

#[expect(clippy::disallowed_methods, reason = "tests are no request")]
fn operator() -> Author {
    Author::command_line()
}

/// Presents a well-formed token, which the storage answers with `found`.
async fn present(found: Option<TokenRecord>) -> Result<Role, AuthenticationError> {
    let token = AccessToken::from_entropy([7; 32]);
    let digest = token.digest();
    let mut tokens = MockTokenRepository::new();
    tokens.expect_find().once().returning(move |asked| {
        assert_eq!(asked, digest);
        Ok(found.clone())
    });
    access(tokens).authenticate(token.expose()).await.map(|actor| actor.role)
}

#[tokio::test]
async fn t24_unknown_expired_and_revoked_tokens_look_alike() {
    assert_eq!(present(Some(record(None, None))).await.expect("valid"), Role::Matcher);
    assert_eq!(present(Some(record(Some(at(61)), None))).await.expect("valid"), Role::Matcher);
    for found in [None, Some(record(Some(at(60)), None)), Some(record(None, Some(at(59))))] {
        let error = present(found.clone()).await.expect_err("not valid");
        assert!(matches!(error, AuthenticationError::Unauthenticated), "{found:?}: {error:?}");
    }
}

#[tokio::test]
async fn t24_a_malformed_token_costs_no_look_up() {
    for presented in ["", "dsa_", "dsa_0123", "Bearer x"] {
        let error = access(MockTokenRepository::new()).authenticate(presented).await;
        assert!(matches!(error, Err(AuthenticationError::Unauthenticated)), "{presented}");
    }
}

#[tokio::test]
async fn storage_that_does_not_answer_makes_nobody_a_stranger() {
    let mut tokens = MockTokenRepository::new();
    tokens.expect_find().returning(|_| Err(RepositoryError::Unavailable(cause())));
    let token = AccessToken::from_entropy([7; 32]);
    let error = access(tokens).authenticate(token.expose()).await;
    assert!(matches!(error, Err(AuthenticationError::Unavailable(_))), "{error:?}");
}

#[tokio::test]
async fn a_new_token_is_stored_by_digest_and_entered_without_it() {
    let made = AccessToken::from_entropy([7; 32]);
    let digest = made.digest();
    let text = made.expose().to_owned();
    let mut tokens = MockTokenRepository::new();
    tokens.expect_insert().once().returning(
        move |name, role, asked, created_at, expires_at, entry| {
            assert_eq!((asked, created_at, expires_at), (digest, at(60), Some(at(90))));
            assert_eq!((entry.actor.as_str(), entry.action), ("command line", Action::TokenCreate));
            assert_eq!((entry.datastore, entry.version), (None, None));
            assert!(!format!("{entry:?}").contains(&text), "{entry:?}");
            Ok(TokenRecord { name, role, ..record(expires_at, None) })
        },
    );
    let (operator, name) = (operator(), token_name("ci"));
    let new = access(tokens).create_token(&operator, name, Role::Matcher, Some(at(90))).await;
    let new = new.expect("made");
    assert_eq!(new.token.expose(), made.expose());
    assert!(!format!("{new:?}").contains(made.expose()), "{new:?}");
}

#[tokio::test]
async fn revoking_what_is_not_there_is_told() {
    let mut tokens = MockTokenRepository::new();
    tokens.expect_revoke().once().returning(|id, revoked_at, entry| {
        assert_eq!((id, revoked_at, entry.action), (TokenId(4), at(60), Action::TokenRevoke));
        Err(RepositoryError::NotFound)
    });
    let error = access(tokens).revoke_token(&operator(), TokenId(4)).await;
    assert!(matches!(error, Err(Error::NotFound("token"))), "{error:?}");
}

#[tokio::test]
async fn a_caller_is_entered_with_name_and_request_and_the_operator_without() {
    let mut tokens = MockTokenRepository::new();
    let mut expected = [("command line", None), ("ops", RequestId::new("request-9"))].into_iter();
    tokens.expect_revoke().times(2).returning(move |_, _, entry| {
        let (actor, request_id) = expected.next().expect("two calls");
        assert_eq!((entry.actor.as_str(), &entry.request_id), (actor, &request_id));
        Ok(())
    });
    let access = access(tokens);
    let caller = Author::from(&granted::<ManageTokens>());
    for author in [operator(), caller] {
        access.revoke_token(&author, TokenId(4)).await.expect("revoked");
    }
}

#[tokio::test]
async fn a_full_house_of_tokens_is_told() {
    let mut tokens = MockTokenRepository::new();
    tokens
        .expect_insert()
        .returning(|_, _, _, _, _, _| Err(RepositoryError::TooManyTokens { limit: 10_000 }));
    let access = access(tokens);
    let error = access.create_token(&operator(), token_name("ci"), Role::Viewer, None).await;
    assert!(matches!(error, Err(Error::TooManyTokens { limit: 10_000 })), "{error:?}");
}
