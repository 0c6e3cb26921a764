//! How far a test came, and how long each step took.

use crate::failure::Cause;
use datastore_domain::{
    FailureCode, ProbeDetails, ProbeFailure, ProbeReport, Step, StepReport, System,
};
use std::time::Duration;
use tokio::time::Instant;

/// Kept outside the steps, so that it is there when they are dropped at the deadline.
pub(crate) struct Progress {
    system: System,
    steps: [StepReport; 5],
    running: Option<(Step, Instant)>,
    /// When the first packet left for the target.
    first_packet: Option<Instant>,
    response_time: Option<Duration>,
    tls_used: Option<bool>,
    password_required: Option<bool>,
    reused: bool,
}

impl Progress {
    pub(crate) fn new(system: System) -> Self {
        Self {
            system,
            steps: Step::ALL.map(|step| StepReport { step, outcome: None }),
            running: None,
            first_packet: None,
            response_time: None,
            tls_used: None,
            password_required: None,
            reused: false,
        }
    }

    /// The progress of a test over a session that is open: the steps before the query hold, and
    /// take no time of this test.
    pub(crate) fn again(system: System, encrypted: bool, password_required: Option<bool>) -> Self {
        let mut progress = Self::new(system);
        for step in &mut progress.steps[..Step::Query.index()] {
            step.outcome = Some((true, 0.0));
        }
        let now = Instant::now();
        progress.first_packet = Some(now);
        progress.running = Some((Step::Query, now));
        Self { tls_used: Some(encrypted), password_required, reused: true, ..progress }
    }

    /// Ends the running step well, and begins `step`.
    pub(crate) fn begin(&mut self, step: Step) {
        self.finish(true);
        let now = Instant::now();
        if step == Step::Connect {
            self.first_packet = Some(now);
        }
        self.running = Some((step, now));
    }

    /// Ends the running step well.
    pub(crate) fn end(&mut self) {
        self.finish(true);
    }

    pub(crate) fn tls_used(&mut self, used: bool) {
        self.tls_used = Some(used);
    }

    pub(crate) fn password_required(&mut self, required: Option<bool>) {
        self.password_required = required;
    }

    fn finish(&mut self, ok: bool) {
        let Some((step, began)) = self.running.take() else { return };
        let now = Instant::now();
        self.steps[step.index()].outcome = Some((ok, milliseconds(now - began)));
        self.response_time = self.first_packet.map(|first| now - first);
    }

    pub(crate) fn succeeded(self, details: ProbeDetails) -> ProbeReport {
        self.report(Ok(details))
    }

    /// The running step failed.
    pub(crate) fn failed(mut self, cause: Cause) -> ProbeReport {
        let step = self.running.map_or(Step::Query, |(step, _)| step);
        self.finish(false);
        if step == Step::Tls {
            self.tls_used = Some(false);
        }
        let failure = cause.at(step, self.system);
        // A lookup that failed has sent packets of its own; a forbidden address got none.
        let looked_up = matches!(failure.code, FailureCode::DnsFailed | FailureCode::Timeout);
        if step == Step::Resolve && looked_up {
            let lookup = self.steps[step.index()].outcome;
            self.response_time = lookup.map(|(_, elapsed)| Duration::from_secs_f64(elapsed / 1e3));
        }
        self.report(Err(failure))
    }

    fn report(self, result: Result<ProbeDetails, ProbeFailure>) -> ProbeReport {
        ProbeReport {
            result,
            response_time_ms: self.response_time.map(milliseconds),
            steps: self.steps,
            tls_used: self.tls_used,
            password_required: self.password_required,
            reused: self.reused,
        }
    }
}

/// Milliseconds with microseconds behind the point: finer is noise.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
