//! What is wrong with an input, field by field.

use std::fmt;

/// A member of a datastore as clients write it, in the order in which violations are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `name`
    Name,
    /// `type`
    Type,
    /// `system`
    System,
    /// `description`
    Description,
    /// `server`
    Server,
    /// `port`
    Port,
    /// `username`
    Username,
    /// `password`
    Password,
    /// `connection_string`
    ConnectionString,
    /// `is_active`
    IsActive,
    /// `max_connections`
    MaxConnections,
    /// `avg_response_time_ms`
    AvgResponseTimeMs,
    /// `storage_capacity_gb`
    StorageCapacityGb,
    /// `database`
    Database,
    /// `tls`
    Tls,
}

impl Field {
    /// Every field, in reporting order.
    pub const ALL: [Self; 15] = [
        Self::Name,
        Self::Type,
        Self::System,
        Self::Description,
        Self::Server,
        Self::Port,
        Self::Username,
        Self::Password,
        Self::ConnectionString,
        Self::IsActive,
        Self::MaxConnections,
        Self::AvgResponseTimeMs,
        Self::StorageCapacityGb,
        Self::Database,
        Self::Tls,
    ];

    /// The member's name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Type => "type",
            Self::System => "system",
            Self::Description => "description",
            Self::Server => "server",
            Self::Port => "port",
            Self::Username => "username",
            Self::Password => "password",
            Self::ConnectionString => "connection_string",
            Self::IsActive => "is_active",
            Self::MaxConnections => "max_connections",
            Self::AvgResponseTimeMs => "avg_response_time_ms",
            Self::StorageCapacityGb => "storage_capacity_gb",
            Self::Database => "database",
            Self::Tls => "tls",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which rule a value broke; stable, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViolationCode {
    /// A needed member is absent or null.
    Required,
    /// The JSON type is wrong.
    InvalidType,
    /// A number outside its range.
    OutOfRange,
    /// A text that is empty after trimming.
    Blank,
    /// A text over its limit.
    TooLong,
    /// A character that the member may not hold.
    InvalidCharacter,
    /// A value of the wrong form.
    InvalidFormat,
    /// Not one of the choices.
    UnknownChoice,
    /// The system does not belong to the type.
    TypeMismatch,
    /// Members that exclude each other.
    Conflict,
    /// A mask where a secret is needed.
    MaskedValue,
    /// A connection string names a parameter that is not on the allow-list.
    ParameterNotAllowed,
    /// The change needs the secret anew.
    ReentryRequired,
    /// The connection asks for less TLS than the operator demands.
    TlsTooWeak,
}

impl ViolationCode {
    /// The code in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::InvalidType => "invalid_type",
            Self::OutOfRange => "out_of_range",
            Self::Blank => "blank",
            Self::TooLong => "too_long",
            Self::InvalidCharacter => "invalid_character",
            Self::InvalidFormat => "invalid_format",
            Self::UnknownChoice => "unknown_choice",
            Self::TypeMismatch => "type_mismatch",
            Self::Conflict => "conflict",
            Self::MaskedValue => "masked_value",
            Self::ParameterNotAllowed => "parameter_not_allowed",
            Self::ReentryRequired => "reentry_required",
            Self::TlsTooWeak => "tls_too_weak",
        }
    }
}

/// One broken rule. The detail says what is allowed and never quotes the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The member at fault.
    pub field: Field,
    /// The rule.
    pub code: ViolationCode,
    /// A sentence for people: what is allowed, or what to do.
    pub detail: String,
}

/// All broken rules of one input, in the order of the fields; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} invalid field(s): {}", .0.len(), summary(.0))]
pub struct Violations(Vec<Violation>);

fn summary(violations: &[Violation]) -> String {
    let names: Vec<_> = violations.iter().map(|v| v.field.name()).collect();
    names.join(", ")
}

impl Violations {
    /// The violations, in the order of the fields.
    #[must_use]
    pub fn as_slice(&self) -> &[Violation] {
        &self.0
    }
}

/// Collects violations while an input is checked whole.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Violation>);

impl Findings {
    pub(crate) fn add(&mut self, field: Field, code: ViolationCode, detail: impl Into<String>) {
        self.0.push(Violation { field, code, detail: detail.into() });
    }

    pub(crate) fn has(&self, field: Field) -> bool {
        self.0.iter().any(|v| v.field == field)
    }

    pub(crate) fn required(&mut self, field: Field) {
        if !self.has(field) {
            self.add(field, ViolationCode::Required, "This field is required.");
        }
    }

    /// `Some(value)` when nothing was found, so that callers can stop with all findings at once.
    pub(crate) fn finish(mut self) -> Result<(), Violations> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort_by_key(|v| v.field);
        Err(Violations(self.0))
    }
}
