//! The command line.

mod backup;
mod check;
mod config;
mod key;
mod output;
mod serve;
mod token;

use crate::hardening::harden_process;
use crate::settings::{Environment, Settings, SettingsError};
use crate::telemetry;
use crate::wiring::StartError;
use check::CheckCommand;
use clap::{Parser, Subcommand};
use datastore_domain::ConnectionStringError;
use datastore_persistence::BackupError;
use datastore_ports::TestError;
use key::KeyCommand;
use std::error::Error;
use std::io::{self, Write as _};
use std::path::PathBuf;
use token::TokenCommand;

/// The registry of datastores.
#[derive(Debug, Parser)]
#[command(name = "datastore-api", version, arg_required_else_help = true)]
pub struct Cli {
    /// A file with settings, on top of config/local.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API until SIGTERM or SIGINT.
    Serve,
    /// Bring the database's schema up to date (`serve` does it by itself).
    Migrate,
    /// Copy the embedded database to a new file, while it is being served.
    Backup {
        /// The new file; nothing is overwritten.
        file: PathBuf,
    },
    /// Test connections. Exits with 0 when all are up, 1 when one is not, 2 when nothing was tested.
    Check(CheckCommand),
    /// Make, list and revoke access tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Make keys, and see which of them are in use.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Look at the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the OpenAPI document.
    Openapi,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print all settings in effect, with secrets masked, and check them and the files that they
    /// name. Nothing is changed, and neither the database nor a socket is opened.
    Check,
}

/// A command did not do what it was asked to. [`CommandError::lines`] name the thing and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The settings are bad.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Files and folders that the settings name are refused; there is one fault at least.
    #[error("files that the settings name are refused")]
    Files(Vec<StartError>),
    /// The application does not start, or has not what the command needs.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No copy of the database was made.
    #[error("no backup was made")]
    Backup(#[from] BackupError),
    /// A variable that was named is not there.
    #[error("there is no variable {0} in the environment, or it is not UTF-8")]
    Unset(String),
    /// What should be the name of a variable is none, and may be a connection string.
    #[error("--url-env takes the name of a variable: letters, digits and underscores")]
    NoVariable,
    /// A connection string where everybody on the machine can read it.
    #[error(
        "a connection string must not be an argument, which everybody on the machine can read: \
         give it by `check -` on standard input, or by --url-env"
    )]
    StringInArguments,
    /// There is none by that number or name.
    #[error("there is no datastore {0:?}")]
    NoDatastore(String),
    /// Of all datastores none is active.
    #[error("no datastore of the registry is active")]
    NoneActive,
    /// What was given is no connection string.
    #[error("the connection string cannot be used")]
    ConnectionString(#[source] ConnectionStringError),
    /// A connection test could not be run.
    #[error("the connection was not tested")]
    Test(#[source] TestError),
    /// Connections were tested, and not all are up.
    #[error("{down} of {all} not up")]
    #[expect(missing_docs, reason = "the message says it")]
    Down { down: usize, all: usize },
    /// No connection was tested.
    #[error("nothing was tested")]
    NotTested(#[source] Box<Self>),
    /// The use case refused.
    #[error("{0}")]
    UseCase(&'static str, #[source] datastore_application::Error),
    /// The operating system refused.
    #[error("{0}")]
    System(&'static str, #[source] io::Error),
}

impl CommandError {
    /// What there is to say, line by line: one for each thing that is wrong.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.faults().into_iter().map(|fault| format!("datastore-api: {fault}")).collect()
    }

    fn faults(&self) -> Vec<String> {
        match self {
            Self::Settings(error) => error.lines().to_vec(),
            Self::Files(faults) => faults.iter().map(|fault| Self::chain(fault)).collect(),
            Self::NotTested(error) => {
                error.faults().into_iter().map(|fault| format!("{self}: {fault}")).collect()
            }
            other => vec![Self::chain(other)],
        }
    }

    /// `error` and its sources in one line.
    fn chain(error: &dyn Error) -> String {
        let mut line = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What the process ends with: 1, but 2 for a `check` that tested nothing, where 1 says that
    /// something is down.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotTested(_) => 2,
            _ => 1,
        }
    }
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    ///
    /// [`CommandError`], to be printed as [`CommandError::lines`].
    pub fn run(self) -> Result<(), CommandError> {
        telemetry::tell_of_panics();
        harden_process().map_err(|e| CommandError::System("the process is not safe to use", e))?;
        // What needs no settings must work in spite of bad ones.
        match self.command {
            Command::Key(KeyCommand::Generate) => key::generate(),
            Command::Openapi => print(datastore_http::openapi_json()),
            Command::Check(_) => self.run_with_settings().map_err(|error| match error {
                CommandError::Down { .. } => error,
                error => CommandError::NotTested(Box::new(error)),
            }),
            _ => self.run_with_settings(),
        }
    }

    fn run_with_settings(self) -> Result<(), CommandError> {
        let environment = Environment::of_process();
        let settings = Settings::load(self.config.as_deref(), environment)?;
        run_with(self.command, &settings)
    }
}

fn run_with(command: Command, settings: &Settings) -> Result<(), CommandError> {
    match command {
        Command::Serve => block_on(serve::serve(settings)),
        Command::Migrate => block_on(serve::migrate(settings)),
        Command::Backup { file } => block_on(backup::run(settings, &file)),
        Command::Check(command) => block_on(check::run(command, settings)),
        Command::Token(command) => block_on(token::run(command, settings)),
        Command::Key(KeyCommand::Status { output }) => block_on(key::status(settings, output)),
        Command::Config(ConfigCommand::Check) => config::check(settings),
        Command::Key(KeyCommand::Generate) => key::generate(),
        Command::Openapi => print(datastore_http::openapi_json()),
    }
}

/// Requests are answered on threads of the server's own: one is enough here.
fn block_on(work: impl Future<Output = Result<(), CommandError>>) -> Result<(), CommandError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build();
    runtime.map_err(|e| CommandError::System("the system gives no threads", e))?.block_on(work)
}

/// Writes `text` to standard output. A reader that has enough (`| head`) is no failure.
fn print(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::System("standard output cannot be written to", error))
        }
        _ => Ok(()),
    }
}
