//! The real servers of `scripts/databases`, and what goes with them.

/// What the environment says under `variable`, one of those that `scripts/databases env` prints.
///
/// # Panics
///
/// When it is not set: a test that needs a server fails, it is never skipped.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the servers of the tests are named by the environment"
)]
pub fn live(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!(
            "{variable} is not set: run `make test`, which starts the servers, or \
             `scripts/databases up && eval \"$(scripts/databases env)\"` first"
        )
    })
}
