//! A new datastore, checked whole.

use crate::datastore::Profile;
use crate::history::Change;
use crate::violation::Findings;
use crate::{
    ConnectSpec, ConnectionTarget, DatastoreFields, TlsMode, Violations, checks, connection_input,
    revision,
};

/// A new datastore that may be stored: valid in itself; only its name may still be taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What it is.
    pub profile: Profile,
    /// How it is reached, with plain secrets.
    pub target: ConnectionTarget,
}

impl Draft {
    /// Checks all members of an input. The connection has to ask for `tls_minimum` at least, which
    /// the operator decides; [`TlsMode::Disable`] demands nothing.
    ///
    /// # Errors
    ///
    /// Every [`Violations`] at once, in the order of the fields.
    pub fn new(fields: &DatastoreFields, tls_minimum: TlsMode) -> Result<Self, Violations> {
        let mut findings = Findings::default();
        let (profile, system) = checks::profile(fields, None, &mut findings);
        let target = connection_input::new_connection(fields, system, tls_minimum, &mut findings);
        findings.finish()?;
        // Whatever is missing here was found above.
        let (profile, target) = profile.zip(target).expect("no findings, so the draft is whole");
        Ok(Self { profile, target })
    }

    /// What a connection test needs to know.
    #[must_use]
    pub fn connect_spec(&self) -> ConnectSpec {
        self.target.connect_spec(self.profile.classification.system())
    }

    /// What the history records of the creation: every member that has a value.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let mut changes = revision::profile_changes(None, &self.profile);
        changes.extend(revision::target_changes(None, &self.target));
        revision::in_member_order(changes)
    }
}
