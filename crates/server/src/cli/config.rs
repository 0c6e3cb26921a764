//! `config check`.

use super::{CommandError, print};
use crate::settings::Settings;
use crate::wiring;

pub(super) fn check(settings: &Settings) -> Result<(), CommandError> {
    print(&settings.to_masked_toml())?;
    check_files(settings)
}

/// Refuses files and folders that a start would refuse, all of them at once.
pub(super) fn check_files(settings: &Settings) -> Result<(), CommandError> {
    let faults = wiring::faults(settings);
    if faults.is_empty() { Ok(()) } else { Err(CommandError::Files(faults)) }
}
