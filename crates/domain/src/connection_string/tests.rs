//! Tables of strings, one a line, and properties of the parser and of the mask.

mod accepted;
mod masks;
mod parameters;
mod properties;
mod refused;

use super::{ConnectionString, ConnectionStringError};
use crate::{Secret, System, ViolationCode};

fn parse(system: System, text: &str) -> Result<ConnectionString, ConnectionStringError> {
    ConnectionString::parse(Secret::new(text.to_owned()), system)
}

/// The lines of a table, cut into columns at ` => `.
fn rows<const COLUMNS: usize>(table: &str) -> Vec<[&str; COLUMNS]> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let columns: Vec<_> = line.split(" => ").map(str::trim).collect();
            columns.try_into().unwrap_or_else(|_| panic!("columns of {line}"))
        })
        .collect()
}

/// `text` must be refused with `code`, for a reason that holds `hint`.
fn check_refused(system: System, code: ViolationCode, text: &str, hint: &str) {
    let error = parse(system, text).expect_err(text);
    assert_eq!(error.code(), code, "{text}: {error}");
    assert!(error.to_string().contains(hint), "{text}: {error}");
}

/// As [`check_refused`], for lines `text => hint`.
fn check_all_refused(system: System, code: ViolationCode, table: &str) {
    for [text, hint] in rows(table) {
        check_refused(system, code, text, hint);
    }
}
