//! What the test of one connection found, for people and for programs.

use crate::cli::output::Row;
use datastore_domain::{ProbeReport, Step, System};
use datastore_http::TestResult;
use serde::Serialize;

/// The result of one test.
#[derive(Serialize)]
pub(super) struct CheckRow {
    /// Null for a connection string.
    datastore_id: Option<i64>,
    /// The masked text of a connection string.
    name: String,
    system: &'static str,
    #[serde(flatten)]
    outcome: Outcome,
    #[serde(skip)]
    cells: Vec<String>,
}

/// As the API answers a test; of a test that could not be run, why.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Tested(TestResult),
    NotTested { success: bool, message: String },
}

impl CheckRow {
    pub(super) fn tested(
        id: Option<i64>,
        name: String,
        system: System,
        report: ProbeReport,
    ) -> Self {
        let mut cells = vec![if report.result.is_ok() { "up" } else { "DOWN" }.to_owned()];
        cells.extend(Step::ALL.map(|step| match report.steps[step.index()].outcome {
            None => "-".to_owned(),
            Some((true, _)) if step == Step::Tls && report.tls_used == Some(false) => {
                "not used".to_owned()
            }
            Some((true, elapsed)) => format!("{elapsed:.1} ms"),
            Some((false, elapsed)) => format!("FAILED {elapsed:.1} ms"),
        }));
        cells.push(summary(&report));
        let outcome = Outcome::Tested(report.into());
        Self { datastore_id: id, name, system: system.as_str(), outcome, cells }
    }

    pub(super) fn not_tested(id: i64, name: String, system: System, message: String) -> Self {
        let mut cells = vec!["NOT TESTED".to_owned()];
        cells.extend(Step::ALL.map(|_| "-".to_owned()));
        cells.push(message.clone());
        let outcome = Outcome::NotTested { success: false, message };
        Self { datastore_id: Some(id), name, system: system.as_str(), outcome, cells }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(&self.outcome, Outcome::Tested(result) if result.success)
    }
}

fn summary(report: &ProbeReport) -> String {
    match &report.result {
        Ok(details) => {
            let version = details.server_version.iter().cloned();
            let database = details.database_name.iter().map(|name| format!("database {name}"));
            let open = report.password_required == Some(false);
            let open = open.then(|| "asked for no password".to_owned());
            version.chain(database).chain(open).collect::<Vec<_>>().join(", ")
        }
        Err(failure) => format!("{}: {}", failure.code.as_str(), failure.message),
    }
}

impl Row for CheckRow {
    const TITLES: &'static [&'static str] = &[
        "ID",
        "NAME",
        "STATE",
        "RESOLVE",
        "CONNECT",
        "TLS",
        "AUTHENTICATE",
        "QUERY",
        "SERVER OR FAILURE",
    ];

    fn columns(&self) -> Vec<String> {
        let id = self.datastore_id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let mut columns = vec![id, self.name.clone()];
        columns.extend(self.cells.iter().cloned());
        columns
    }
}
