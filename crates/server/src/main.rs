//! The binary `datastore-api`; what it does is in the library.

use clap::Parser as _;
use datastore_api::Cli;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to hear of a standard error that is closed.
            drop(writeln!(std::io::stderr(), "{}", error.lines().join("\n")));
            ExitCode::from(error.exit_code())
        }
    }
}
