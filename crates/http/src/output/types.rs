//! The catalogue of types.

use datastore_domain::{SystemEntry, TypeEntry};
use serde::Serialize;
use utoipa::ToSchema;

/// The catalogue of types.
#[derive(Serialize, ToSchema)]
pub(crate) struct Types {
    types: Vec<TypeOutput>,
}

#[derive(Serialize, ToSchema)]
struct TypeOutput {
    value: &'static str,
    label: &'static str,
    systems: Vec<SystemOutput>,
    characteristics: Characteristics,
}

#[derive(Serialize, ToSchema)]
struct SystemOutput {
    value: &'static str,
    label: &'static str,
    default_port: u16,
    /// What a connection string looks like.
    connection_string_template: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Characteristics {
    strengths: &'static [&'static str],
    limitations: &'static [&'static str],
    best_for: &'static [&'static str],
}

impl From<&'static [TypeEntry]> for Types {
    fn from(entries: &'static [TypeEntry]) -> Self {
        let system = |entry: &SystemEntry| SystemOutput {
            value: entry.system.as_str(),
            label: entry.label,
            default_port: entry.system.default_port(),
            connection_string_template: entry.connection_string_template,
        };
        let types = entries.iter().map(|entry| TypeOutput {
            value: entry.datastore_type.as_str(),
            label: entry.label,
            systems: entry.systems.iter().map(system).collect(),
            characteristics: Characteristics {
                strengths: entry.strengths,
                limitations: entry.limitations,
                best_for: entry.best_for,
            },
        });
        Self { types: types.collect() }
    }
}
