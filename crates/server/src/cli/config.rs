//! `config check`.

use super::{CommandError, print};
use crate::settings::Settings;
use crate::wiring;

pub(super) fn check(settings: &Settings) -> Result<(), CommandError> {
    print(&settings.to_masked_toml())?;
    let mut faults = wiring::faults(settings);
    faults.extend(wiring::missing_keys(settings));
    refuse(faults)
}

/// Refuses files and folders that a start would refuse, all of them at once.
pub(super) fn check_files(settings: &Settings) -> Result<(), CommandError> {
    refuse(wiring::faults(settings))
}

fn refuse(faults: Vec<wiring::StartError>) -> Result<(), CommandError> {
    if faults.is_empty() { Ok(()) } else { Err(CommandError::Files(faults)) }
}
