//! The environment as a layer of settings.

use super::known::Known;
use datastore_domain::Secret;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// What each variable of ours starts with. Two underscores, since container platforms set
/// `DATASTORE_API_PORT` and the like by themselves for a service of this name.
const PREFIX: &str = "DATASTORE_API__";

/// The one setting that has no place in a file.
pub(super) const KEYS: &str = "DATASTORE_API__CRYPTO__KEYS";

/// The variables of the environment that are, or may be meant to be, settings.
///
/// `Debug` shows their names only.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
    pub(super) keys: Option<Secret>,
}

/// What a variable is meant to be.
pub(super) enum Meant {
    /// The setting of this key.
    Setting(String),
    /// A setting, which there is not; with the advice what to do.
    Unknown(String),
    /// Nothing of ours.
    Nothing,
}

impl Environment {
    /// Reads the environment of the process.
    #[must_use]
    pub fn of_process() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        Self::from_variables(std::env::vars_os())
    }

    /// Takes what may be ours out of `variables`.
    #[must_use]
    pub fn from_variables(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| bare(name).starts_with("datastoreapi"))
            else {
                continue;
            };
            match value.to_str() {
                Some(text) if name == KEYS => environment.keys = Some(Secret::new(text.to_owned())),
                _ => drop(environment.variables.insert(name.to_owned(), value)),
            }
        }
        environment
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_os_str()))
    }

    /// What the variable `name` is meant to be. Two underscores in a row are ours, and so is the
    /// name of a setting with underscores too many or too few; what a platform sets has neither.
    pub(super) fn meant(name: &str, known: &Known) -> Meant {
        let key = |rest: &str| rest.to_lowercase().replace("__", ".");
        let set = name.strip_prefix(PREFIX).map(key);
        if let Some(set) = set.filter(|set| variable(set) == name && known.keys().any(|k| k == set))
        {
            return Meant::Setting(set);
        }
        let slipped = bare(name);
        if let Some(meant) = known.keys().find(|key| bare(&variable(key)) == slipped) {
            return Meant::Unknown(known.advice(meant, variable));
        }
        match name.split_at_checked(PREFIX.len() - 1) {
            Some((_, rest)) if name.contains("__") => {
                Meant::Unknown(known.advice(&key(rest.trim_start_matches('_')), variable))
            }
            _ => Meant::Nothing,
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// The variable that sets `key`.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

fn bare(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}
