//! What is declared and observed of a datastore.

use super::test_result::TestError;
use super::{Number, Time, millis};
use datastore_application::Performance;
use datastore_domain::{Check, FailureCode, Percentiles, SeriesPoint, Step};
use serde::Serialize;
use utoipa::ToSchema;

/// What is declared and observed of a datastore.
#[derive(Serialize, ToSchema)]
#[schema(as = Performance)]
pub(crate) struct PerformanceOutput {
    datastore_id: i64,
    /// `up`, `down` or `unknown`, by the last check.
    status: &'static str,
    window: &'static str,
    declared: Declared,
    observed: Observed,
    capacity: Capacity,
    assigned_datasets: u64,
    series: Vec<SeriesOutput>,
}

#[derive(Serialize, ToSchema)]
struct Declared {
    #[schema(required)]
    max_connections: Option<i32>,
    #[schema(value_type = Option<f64>, required)]
    avg_response_time_ms: Option<Number>,
    #[schema(value_type = Option<f64>, required)]
    storage_capacity_gb: Option<Number>,
}

#[derive(Serialize, ToSchema)]
struct Observed {
    checks: u64,
    failures: u64,
    /// Share of the checks that succeeded, 0 to 1.
    #[schema(value_type = Option<f64>, required)]
    availability: Option<Number>,
    response_time_ms: ResponseTimes,
    #[schema(required)]
    last_check: Option<CheckOutput>,
}

#[derive(Serialize, ToSchema)]
struct ResponseTimes {
    #[schema(value_type = Option<f64>, required)]
    avg: Option<Number>,
    #[schema(value_type = Option<f64>, required)]
    p50: Option<Number>,
    #[schema(value_type = Option<f64>, required)]
    p95: Option<Number>,
    #[schema(value_type = Option<f64>, required)]
    p99: Option<Number>,
    #[schema(value_type = Option<f64>, required)]
    max: Option<Number>,
}

impl From<Option<Percentiles>> for ResponseTimes {
    fn from(times: Option<Percentiles>) -> Self {
        Self {
            avg: times.map(|t| millis(t.avg)),
            p50: times.map(|t| millis(t.p50)),
            p95: times.map(|t| millis(t.p95)),
            p99: times.map(|t| millis(t.p99)),
            max: times.map(|t| millis(t.max)),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct CheckOutput {
    /// RFC 3339, UTC.
    #[schema(value_type = String)]
    at: Time,
    success: bool,
    #[schema(value_type = Option<f64>, required)]
    response_time_ms: Option<Number>,
    #[schema(required)]
    error: Option<TestError>,
}

impl From<Check> for CheckOutput {
    fn from(check: Check) -> Self {
        let error = |(step, code): (Step, FailureCode)| TestError {
            step: step.as_str(),
            code: code.as_str(),
        };
        Self {
            at: Time(check.at),
            success: check.failure.is_none(),
            response_time_ms: check.response_time_ms.map(millis),
            error: check.failure.map(error),
        }
    }
}

/// Null until a monitor can read the figures.
#[derive(Serialize, ToSchema)]
struct Capacity {
    connections: ConnectionsCapacity,
    storage: StorageCapacity,
}

#[derive(Serialize, ToSchema)]
struct ConnectionsCapacity {
    #[schema(required)]
    used: Option<u64>,
    #[schema(required)]
    max: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct StorageCapacity {
    #[schema(required)]
    used_gb: Option<f64>,
    #[schema(required)]
    total_gb: Option<f64>,
}

#[derive(Serialize, ToSchema)]
struct SeriesOutput {
    /// RFC 3339, UTC; where the stretch begins.
    #[schema(value_type = String)]
    from: Time,
    checks: u64,
    failures: u64,
    #[schema(value_type = Option<f64>, required)]
    avg_response_time_ms: Option<Number>,
}

impl From<SeriesPoint> for SeriesOutput {
    fn from(point: SeriesPoint) -> Self {
        Self {
            from: Time(point.from),
            checks: point.checks,
            failures: point.failures,
            avg_response_time_ms: point.avg_response_time_ms.map(millis),
        }
    }
}

impl From<Performance> for PerformanceOutput {
    fn from(performance: Performance) -> Self {
        let declared = &performance.declared;
        let declared = Declared {
            max_connections: declared.max_connections.map(|n| n.get()),
            avg_response_time_ms: declared.avg_response_time_ms.map(|n| Number(n.get())),
            storage_capacity_gb: declared.storage_capacity_gb.map(|n| Number(n.get())),
        };
        let observed = performance.observed;
        Self {
            datastore_id: performance.id.get(),
            status: performance.status.as_str(),
            window: performance.window.as_str(),
            declared,
            capacity: Capacity {
                connections: ConnectionsCapacity { used: None, max: None },
                storage: StorageCapacity { used_gb: None, total_gb: None },
            },
            assigned_datasets: performance.assigned_datasets,
            observed: Observed {
                checks: observed.checks,
                failures: observed.failures,
                availability: observed.availability().map(Number),
                response_time_ms: observed.response_time_ms.into(),
                last_check: performance.last_check.map(Into::into),
            },
            series: observed.series.into_iter().map(Into::into).collect(),
        }
    }
}
