//! What a connection test found.

use super::{Number, Time, millis};
use datastore_domain::{ProbeReport, Step, StepReport};
use serde::Serialize;
use utoipa::ToSchema;

/// Result of a connection test, as JSON.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestResult {
    /// Whether the query was answered.
    pub success: bool,
    /// From the first packet to the query's answer, or to the end of the step that failed.
    #[schema(value_type = Option<f64>)]
    response_time_ms: Option<Number>,
    pub(crate) message: String,
    details: Option<TestDetails>,
    error: Option<TestError>,
    /// All five steps in their order. Over a session that an earlier test left open (`reuse`) only
    /// the query is tried; the steps before it are true as they were, and took no time.
    steps: Vec<StepOutput>,
}

#[derive(Debug, Serialize, ToSchema)]
struct TestDetails {
    server_version: Option<String>,
    database_name: Option<String>,
    /// RFC 3339, UTC.
    #[schema(value_type = String)]
    connected_at: Time,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TestError {
    pub(super) step: &'static str,
    pub(super) code: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct StepOutput {
    step: &'static str,
    /// Null when not reached.
    ok: Option<bool>,
    /// Null when not reached.
    #[schema(value_type = Option<f64>)]
    elapsed_ms: Option<Number>,
    /// Step `tls`: whether the session was encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<bool>)]
    used: Option<Option<bool>>,
    /// Step `authenticate`: whether the server asked for the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<bool>)]
    required: Option<Option<bool>>,
}

impl From<ProbeReport> for TestResult {
    fn from(report: ProbeReport) -> Self {
        let step = |s: &StepReport| StepOutput {
            step: s.step.as_str(),
            ok: s.outcome.map(|(ok, _)| ok),
            elapsed_ms: s.outcome.map(|(_, elapsed)| millis(elapsed)),
            used: (s.step == Step::Tls).then_some(report.tls_used),
            required: (s.step == Step::Authenticate).then_some(report.password_required),
        };
        let steps = report.steps.iter().map(step).collect();
        let response_time_ms = report.response_time_ms.map(millis);
        match report.result {
            Ok(details) => Self {
                success: true,
                response_time_ms,
                message: success_message(report.reused, report.password_required).to_owned(),
                details: Some(TestDetails {
                    server_version: details.server_version,
                    database_name: details.database_name,
                    connected_at: Time(details.connected_at),
                }),
                error: None,
                steps,
            },
            Err(failure) => Self {
                success: false,
                response_time_ms,
                message: failure.message,
                details: None,
                error: Some(TestError { step: failure.step.as_str(), code: failure.code.as_str() }),
                steps,
            },
        }
    }
}

fn success_message(reused: bool, password_required: Option<bool>) -> &'static str {
    match (reused, password_required) {
        (false, Some(false)) => "Connection successful; the server did not ask for a password",
        (false, _) => "Connection successful",
        (true, Some(false)) => {
            "Connection successful, over a session kept from an earlier test; the server did not \
             ask for a password"
        }
        (true, _) => "Connection successful, over a session kept from an earlier test",
    }
}
