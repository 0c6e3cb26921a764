//! How many tokens there may be.

use crate::support::{TestDatabase, entries, migrated, on_both_databases, seed_tokens};
use datastore_domain::{Action, Role, TokenDigest, TokenId, TokenRecord};
use datastore_persistence::Storage;
use datastore_ports::{MOST_TOKENS, RepositoryError, TokenRepository};
use datastore_testkit::{at, entry, token_name};
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

on_both_databases! {
    counts_valid_tokens_only,
    t38_not_one_token_more_is_made_at_the_same_moment,
}

async fn insert(storage: &Storage, number: u8) -> Result<TokenRecord, RepositoryError> {
    let (name, digest) = (token_name("new"), TokenDigest::from_bytes([number; 32]));
    let entry = entry(Action::TokenCreate);
    TokenRepository::insert(storage, name, Role::Viewer, digest, at(100), None, entry).await
}

/// The seeded ones have the numbers from 1.
async fn counts_valid_tokens_only(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    seed_tokens(database, MOST_TOKENS, "NULL");
    // One that ends at this moment, and one that a moment is left for.
    let (now, later) = (at(100).as_micros(), at(100).as_micros() + 1);
    database
        .execute(&format!("UPDATE tokens SET expires_at = {later} WHERE id = 1"))
        .expect("sets");
    let full = insert(&storage, 1).await;
    assert!(matches!(full, Err(RepositoryError::TooManyTokens { limit: MOST_TOKENS })), "{full:?}");
    assert_eq!(entries(&storage).await, 0);
    database.execute(&format!("UPDATE tokens SET expires_at = {now} WHERE id = 1")).expect("sets");
    insert(&storage, 1).await.expect("one has expired");
    assert!(insert(&storage, 2).await.is_err());
    storage.revoke(TokenId(2), at(100), entry(Action::TokenRevoke)).await.expect("it exists");
    insert(&storage, 2).await.expect("one is revoked");
    assert!(insert(&storage, 3).await.is_err());
}

async fn t38_not_one_token_more_is_made_at_the_same_moment(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    seed_tokens(database, MOST_TOKENS - 3, "NULL");
    for round in 0..10 {
        let start = Arc::new(Barrier::new(20));
        let mut makers = JoinSet::new();
        for maker in 0..20 {
            let (storage, start) = (storage.clone(), start.clone());
            makers.spawn(async move {
                start.wait().await;
                insert(&storage, round * 20 + maker).await
            });
        }
        let results = makers.join_all().await;
        let full = |r: &&Result<_, _>| matches!(r, Err(RepositoryError::TooManyTokens { .. }));
        let refused = results.iter().filter(full).count();
        let made: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
        assert_eq!((made.len(), refused), (3, 17), "round {round}");
        for token in made {
            let revoke = storage.revoke(token.id, at(100), entry(Action::TokenRevoke));
            revoke.await.expect("it exists");
        }
    }
    assert_eq!(entries(&storage).await, 60);
}
