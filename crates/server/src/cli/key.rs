//! `key generate` and `key status`.

use super::output::{OutputFormat, Row, render};
use super::{CommandError, print};
use crate::settings::Settings;
use crate::wiring::{self, KeyUse, StartError};
use clap::Subcommand;
use datastore_crypto::KeyRing;
use serde::Serialize;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Print a new key, as a line of a key file. Nothing is stored.
    Generate,
    /// Show how many secrets are sealed under which key.
    Status {
        /// The form of the list.
        #[arg(long, value_enum, default_value = "table")]
        output: OutputFormat,
    },
}

pub(super) fn generate() -> Result<(), CommandError> {
    let line = KeyRing::generate_key().map_err(StartError::from)?;
    print(&format!("{}\n", line.expose()))
}

pub(super) async fn status(settings: &Settings, output: OutputFormat) -> Result<(), CommandError> {
    let rows: Vec<_> = wiring::key_use(settings).await?.into_iter().map(KeyRow::from).collect();
    print(&render(&rows, output))
}

#[derive(Serialize)]
struct KeyRow {
    /// Null for secrets so damaged that they name no key.
    key_id: Option<String>,
    in_key_ring: bool,
    seals: bool,
    secrets: u64,
}

impl From<KeyUse> for KeyRow {
    fn from(key: KeyUse) -> Self {
        Self {
            key_id: key.id.map(|id| id.to_string()),
            in_key_ring: key.in_ring,
            seals: key.seals,
            secrets: key.secrets,
        }
    }
}

impl Row for KeyRow {
    const TITLES: &'static [&'static str] = &["KEY", "STATE", "SECRETS"];

    fn columns(&self) -> Vec<String> {
        let state = match (self.seals, self.in_key_ring) {
            (true, _) => "seals and opens",
            (false, true) => "opens",
            (false, false) if self.key_id.is_none() => "DAMAGED",
            (false, false) => "MISSING",
        };
        let id = self.key_id.clone().unwrap_or_else(|| "-".to_owned());
        vec![id, state.to_owned(), self.secrets.to_string()]
    }
}
