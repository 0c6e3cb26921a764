//! What the process gives up at its very start, before any file is made or secret read, and what it
//! asks for.

use rustix::process::{Resource, Rlimit};
use std::io;

/// New files are for this user alone, and memory is never written to a core file. As many files may
/// be open as the system allows: each connection is one, and the usual limit of 1024 is far below
/// `http.max_connections`.
///
/// # Errors
///
/// What the operating system says when it refuses; the process must not go on then.
pub(crate) fn harden_process() -> io::Result<()> {
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let files = rustix::process::getrlimit(Resource::Nofile).maximum;
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: files, maximum: files })?;
    // Also keeps other processes of the same user from reading our memory through /proc.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
