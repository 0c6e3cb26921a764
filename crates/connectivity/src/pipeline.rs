//! One test: resolve, connect, tls, authenticate, query, in this order and under one deadline.

use crate::conversation::{Answer, Conversation, Upgrade, conversation};
use crate::door::{Door, Server, Shut};
use crate::failure::Cause;
use crate::kept::{Kept, Sessions};
use crate::places::Place;
use crate::progress::Progress;
use crate::scram::Hashing;
use crate::session::Session;
use crate::shown::shown;
use crate::stream::GuardedStream;
use crate::tls::{Tls, Verification};
use datastore_domain::{
    ConnectSpec, FailureCode, ProbeDetails, ProbeReport, Step, Timestamp, TlsMode,
};
use datastore_ports::{Clock, ConnectionTest, SessionKey};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Everything that tests share.
pub(crate) struct Pipeline {
    pub(crate) door: Door,
    pub(crate) tls: Tls,
    /// What the operator demands.
    pub(crate) tls_minimum: TlsMode,
    pub(crate) hashing: Hashing,
    pub(crate) clock: Arc<dyn Clock>,
    /// For connections that have been left and that their servers have yet to close.
    pub(crate) leaving: Arc<Semaphore>,
    /// What tests have left open for the next one.
    pub(crate) sessions: Sessions,
}

/// A connection that is to be kept, or closed with the protocol's goodbye.
struct Open {
    session: Session,
    goodbye: &'static [u8],
    _place: Place<Server>,
}

/// Nothing was found out, because something of ours ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoCapacity;

impl Pipeline {
    /// Runs a test. The answer comes by the deadline, plus a moment for the goodbye.
    pub(crate) async fn run(&self, test: &ConnectionTest) -> Result<ProbeReport, NoCapacity> {
        let ConnectionTest { spec, reuse, .. } = test;
        let deadline = Instant::now() + test.deadline;
        let kept = reuse.and_then(|key| Some((key, self.sessions.take(key)?)));
        if let Some((key, kept)) = kept
            && let Some(report) = self.again(spec, key, kept, deadline).await?
        {
            return Ok(report);
        }
        let mut progress = Progress::new(spec.system);
        let mut open = None;
        // The one time limit: at the deadline the running step is dropped, whatever it waits for.
        let steps = self.steps(spec, deadline, &mut progress, &mut open);
        let report = match timeout_at(deadline, steps).await {
            Ok(Ok(details)) => progress.succeeded(details),
            Ok(Err(Shut::Failed(cause))) => progress.failed(cause),
            Ok(Err(Shut::NoCapacity)) => return Err(NoCapacity),
            Err(_) => progress.failed(Cause::TIMED_OUT),
        };
        let Some(Open { session, goodbye, .. }) = open else { return Ok(report) };
        match (reuse, &report.result) {
            (Some(key), Ok(details)) => {
                let password_required = report.password_required;
                let details = details.clone();
                self.sessions.keep(*key, Kept { session, goodbye, details, password_required });
            }
            // The report is made; what the goodbye does or does not do changes nothing in it.
            _ if understands_goodbye(&report) => self.leave(session, goodbye).await,
            _ => {}
        }
        Ok(report)
    }

    /// Takes leave. Whoever waits for the report does not wait for the server to close its side,
    /// unless too many servers take their time over it.
    async fn leave(&self, session: Session, goodbye: &[u8]) {
        let Some(left) = session.leave(goodbye).await else { return };
        match self.leaving.clone().try_acquire_owned() {
            Ok(place) => drop(tokio::spawn(async move {
                left.closed().await;
                drop(place);
            })),
            Err(_) => left.closed().await,
        }
    }

    /// Runs a test over a session that was kept. `None` when it gives no good answer in half of the
    /// time that is left, whatever the reason: it may have died while it rested, and what a fresh
    /// login finds is what counts.
    async fn again(
        &self,
        spec: &ConnectSpec,
        key: SessionKey,
        mut kept: Kept,
        deadline: Instant,
    ) -> Result<Option<ProbeReport>, NoCapacity> {
        let Ok(_place) = self.door.place(kept.session.peer()) else {
            self.sessions.keep(key, kept);
            return Err(NoCapacity);
        };
        if !kept.session.rests().await {
            return Ok(None);
        }
        let mut talk = conversation(spec, &self.hashing);
        let required = kept.password_required;
        let mut progress = Progress::again(spec.system, kept.session.is_encrypted(), required);
        let now = Instant::now();
        let half = now + deadline.saturating_duration_since(now) / 2;
        match timeout_at(half, talk.query_again(&mut kept.session)).await {
            Ok(Ok(())) => {
                progress.end();
                let details = kept.details.clone();
                self.sessions.keep(key, kept);
                Ok(Some(progress.succeeded(details)))
            }
            Ok(Err(_)) | Err(_) => Ok(None),
        }
    }

    async fn steps(
        &self,
        spec: &ConnectSpec,
        deadline: Instant,
        progress: &mut Progress,
        open: &mut Option<Open>,
    ) -> Result<ProbeDetails, Shut> {
        progress.begin(Step::Resolve);
        let discovered;
        let spec = if spec.discover_by_srv {
            discovered = self.door.discover(spec).await?;
            &discovered
        } else {
            spec
        };
        let targets = self.door.resolve(&spec.endpoints).await?;

        progress.begin(Step::Connect);
        let (stream, place) = self.door.connect(&targets, deadline).await?;

        progress.begin(Step::Tls);
        let mut talk = conversation(spec, &self.hashing);
        let session = self.secure(spec.tls, talk.as_mut(), stream).await?;
        progress.tls_used(session.is_encrypted());
        let goodbye = talk.goodbye();
        let Open { session, .. } = open.insert(Open { session, goodbye, _place: place });

        progress.begin(Step::Authenticate);
        let login = talk.log_in(session).await;
        progress.password_required(talk.password_required());
        login?;
        let connected_at = self.clock.now();

        progress.begin(Step::Query);
        let answer = talk.query(session).await;
        // What the login did not show, the query may.
        progress.password_required(talk.password_required());
        let answer = answer?;
        progress.end();
        Ok(details(spec, answer, connected_at))
    }

    /// Encrypts the connection as `mode` says. Only [`TlsMode::Prefer`] ever goes on without TLS
    /// when the server has none, and only where the protocol negotiates.
    async fn secure(
        &self,
        mode: TlsMode,
        talk: &mut dyn Conversation,
        mut stream: GuardedStream,
    ) -> Result<Session, Cause> {
        if mode < self.tls_minimum {
            return Err(Cause::TLS_BELOW_MINIMUM);
        }
        let verification = match (mode, talk.upgrade()) {
            (TlsMode::Disable, _) | (TlsMode::Prefer, Upgrade::Direct) => {
                return Ok(Session::plain(stream));
            }
            (TlsMode::Prefer | TlsMode::Require, _) => Verification::None,
            (TlsMode::VerifyFull, _) => Verification::Full,
        };
        let offered = match talk.upgrade() {
            Upgrade::Direct => true,
            Upgrade::InBand => talk.ask_for_tls(&mut stream).await?,
        };
        match (offered, mode) {
            (true, _) => {
                let encrypted = self.tls.handshake(verification, stream).await?;
                Ok(Session::encrypted(encrypted))
            }
            (false, TlsMode::Prefer) => Ok(Session::plain(stream)),
            (false, TlsMode::Disable | TlsMode::Require | TlsMode::VerifyFull) => {
                Err(Cause::TLS_NOT_OFFERED)
            }
        }
    }
}

/// Whether the far end still listens, and to this protocol.
fn understands_goodbye(report: &ProbeReport) -> bool {
    match &report.result {
        Ok(_) => true,
        Err(failure) => match failure.code {
            FailureCode::Timeout | FailureCode::ProtocolMismatch | FailureCode::ServerClosed => {
                false
            }
            FailureCode::DnsFailed
            | FailureCode::BlockedByPolicy
            | FailureCode::ConnectionRefused
            | FailureCode::Unreachable
            | FailureCode::TlsFailed
            | FailureCode::AuthenticationFailed
            | FailureCode::DatabaseNotFound
            | FailureCode::PermissionDenied
            | FailureCode::TooManyConnections
            | FailureCode::AuthenticationUnsupported
            | FailureCode::QueryFailed => true,
        },
    }
}

fn details(spec: &ConnectSpec, answer: Answer, connected_at: Timestamp) -> ProbeDetails {
    let secrets = spec.secrets();
    let fit = |text: Option<String>| text.and_then(|text| shown(&text, &secrets));
    // A name that the record itself gives is no server's text: a database that happens to be named
    // like its password is shown, as it is everywhere else.
    let named = spec.database.as_ref().map(|name| name.as_str());
    let database_name = match answer.database_name {
        Some(name) if Some(name.as_str()) == named => shown(&name, &[]),
        other => fit(other),
    };
    ProbeDetails { server_version: fit(answer.server_version), database_name, connected_at }
}
