//! What a failure on PostgreSQL means: for the caller, and for the connection.

use super::advice;
use super::session::Session;
use super::wire::Refusal;
use crate::error::{Reason, outcome_unknown, unavailable};
use datastore_ports::{Cause, RepositoryError, StorageFault};
use diesel::result::Error as DieselError;

/// How far a piece of work had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It only reads, or COMMIT was not tried: nothing is stored.
    NothingStored,
    /// In a statement that stores by itself, outside of any transaction.
    Statement,
    /// In COMMIT.
    Commit,
}

/// Whether the work may be tried again, since nothing of it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// No.
    Never,
    /// On a new connection: the old one was dead, or leads to a server that was demoted.
    OnNewConnection,
    /// After a pause: another transaction was in the way, and the server rolled this one back.
    AfterConflict,
}

/// What a failure means.
pub(super) struct Verdict {
    /// With all that the server said.
    pub(super) error: RepositoryError,
    /// What it means for callers, where the server can still be used in part.
    pub(super) fault: Option<StorageFault>,
    pub(super) again: Again,
    /// Whether this connection, and all that were made before it, are of no use any more.
    pub(super) is_dead: bool,
}

/// An error that the server gave, with its code: the text may be in any language.
#[derive(Debug, thiserror::Error)]
#[error(
    "PostgreSQL answered with SQLSTATE {code}{}",
    advice.map(|advice| format!("; {advice}")).unwrap_or_default()
)]
struct ServerError {
    code: String,
    advice: Option<&'static str>,
    source: DieselError,
}

/// Judges a failure at `stage`; `is_closed` tells whether the connection is.
pub(super) fn judge(
    error: DieselError,
    stage: Stage,
    session: &Session,
    is_closed: bool,
) -> Verdict {
    let refusal = session.refusal();
    if is_closed || refusal.is_some_and(|refusal| refusal.ends_session || says_nothing(refusal)) {
        return lost(told(error, refusal, session), stage, session);
    }
    let Some(Refusal { code, .. }) = refusal else {
        // The server is content, we are not.
        let error = RepositoryError::Internal(Box::new(error));
        return Verdict { error, fault: None, again: Again::Never, is_dead: false };
    };
    let cause = told(error, refusal, session);
    let (again, is_dead) = match &code {
        b"40001" | b"40P01" => (Again::AfterConflict, false),
        b"25006" => (Again::OnNewConnection, true),
        _ => (Again::Never, false),
    };
    let fault = fault(code);
    let error = if fault.is_some() || is_passing(code) {
        unavailable(cause)
    } else {
        RepositoryError::Internal(cause)
    };
    Verdict { error, fault, again, is_dead }
}

/// Whether the answer leaves open what became of the statement: class 08 tells of a connection, that
/// of a pooler to its server for one, and 40003 says so itself.
fn says_nothing(refusal: Refusal) -> bool {
    refusal.code.starts_with(b"08") || &refusal.code == b"40003"
}

/// An error answered to COMMIT means that it was rolled back; silence means nothing.
fn lost(cause: Cause, stage: Stage, session: &Session) -> Verdict {
    let may_be_stored = match stage {
        Stage::NothingStored => false,
        Stage::Statement => session.has_sent(),
        Stage::Commit => session.has_sent_statement(),
    };
    if may_be_stored {
        let error = outcome_unknown(cause);
        return Verdict { error, fault: None, again: Again::Never, is_dead: true };
    }
    let again = if session.is_late() { Again::Never } else { Again::OnNewConnection };
    Verdict { error: unavailable(cause), fault: None, again, is_dead: true }
}

fn told(error: DieselError, refusal: Option<Refusal>, session: &Session) -> Cause {
    match refusal {
        Some(Refusal { code, .. }) => {
            let advice = advice::of_code(code);
            let code = String::from_utf8_lossy(&code).into_owned();
            Box::new(ServerError { code, advice, source: error })
        }
        None if session.is_late() => Reason("PostgreSQL did not answer in time").into(),
        None => error.into(),
    }
}

/// Codes that tell of a server that can be read and not written, as a rule.
fn fault(code: [u8; 5]) -> Option<StorageFault> {
    match &code {
        b"25006" => Some(StorageFault::ReadOnly),
        b"42501" => Some(StorageFault::NoRight),
        b"53100" => Some(StorageFault::NoSpace),
        b"58030" => Some(StorageFault::DiskError),
        _ => None,
    }
}

/// Codes that time, or an operator, takes away: classes 53 (resources), 57 (operator intervention,
/// time-outs) and 58 (system errors), conflicts, a lock that was not to be had, and damaged files.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn is_passing(code: [u8; 5]) -> bool {
    const CODES: [&[u8; 5]; 5] = [b"55P03", b"40001", b"40P01", b"XX001", b"XX002"];
    matches!(&code[..2], b"53" | b"57" | b"58") || CODES.contains(&&code)
}
