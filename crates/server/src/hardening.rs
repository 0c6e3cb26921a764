//! What the process gives up at its very start, before any file is made or secret read.

use rustix::process::{Resource, Rlimit};
use std::io;

/// New files are for this user alone, and memory is never written to a core file.
///
/// # Errors
///
/// What the operating system says when it refuses; the process must not go on then.
pub(crate) fn harden_process() -> io::Result<()> {
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // Also keeps other processes of the same user from reading our memory through /proc.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
