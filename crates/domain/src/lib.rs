//! Rules and value types of the datastore registry: no framework, no I/O, no async, no clock.
//!
//! A value that exists is valid. Input arrives as [`DatastoreFields`], is checked whole, and either
//! becomes a [`Draft`] (for a new datastore) or a [`Revision`] of a stored one, or comes back as
//! [`Violations`] that name every field at fault. Time, randomness and keys are passed in.

mod access;
mod candidate;
mod catalogue;
mod checks;
mod connection;
mod connection_input;
mod connection_string;
mod datasets;
mod datastore;
mod draft;
mod fields;
mod history;
mod listing;
mod performance;
mod probe;
mod revision;
mod secret;
mod system;
mod text;
mod timestamp;
mod tls_minimum;
mod token;
mod violation;

pub use access::{Actor, Role};
pub use candidate::CandidateLogin;
pub use catalogue::{CATALOGUE, SystemEntry, TypeEntry};
pub use connection::{
    ChannelBinding, ConnectSpec, ConnectionParts, ConnectionTarget, Credentials, Endpoint,
    SealedConnection, SealedValue, SessionAttributes, TlsMode, UnknownTlsMode,
};
pub use connection_input::SecretPlan;
pub use connection_string::{ConnectionString, ConnectionStringError, SeedlistOptions};
pub use datasets::{Assignment, AssignmentPeriod, DatasetId, DatasetName};
pub use datastore::{
    AlreadyDeleted, Datastore, DatastoreId, NotDeleted, Profile, RecordId, Version,
};
pub use draft::Draft;
pub use fields::{DatastoreFields, Expected, Member};
pub use history::{
    Action, Change, EntryId, FieldChange, HistoryEntry, HistoryFilter, HistoryValue, RecordedEntry,
    RequestId,
};
pub use listing::{
    Anchor, KeyValue, ListFilter, ListQuery, OrderKey, Ordering, PageRequest, Paging, SearchTerms,
    Side, search_text,
};
pub use performance::{Check, CheckSummary, Percentiles, SeriesPoint, Status, Window};
pub use probe::{FailureCode, ProbeDetails, ProbeFailure, ProbeReport, Step, StepReport};
pub use revision::{Revision, RevisionMode};
pub use secret::{MASK, PASSWORD_MASK, Secret};
pub use system::{Classification, DatastoreType, System, UnknownName};
pub use text::{
    DatabaseName, Description, Host, MaxConnections, Measure, Name, Password, Port, TextError,
    Username,
};
pub use timestamp::{Rfc3339, Timestamp, TimestampError};
pub use token::{
    AccessToken, Lifetime, LifetimeError, TokenDigest, TokenId, TokenName, TokenRecord,
};
pub use violation::{Field, Violation, ViolationCode, Violations};
