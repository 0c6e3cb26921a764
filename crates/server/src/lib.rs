//! The datastore registry as a server: settings, wiring, telemetry and the binary `datastore-api`.
//!
//! [`Application`] is the server as a whole: [`Application::build`] takes checked [`Settings`] and
//! listens, [`Application::run_until_stopped`] serves. [`Cli`] is the command line around it.

mod cli;
mod clock;
mod hardening;
mod settings;
mod telemetry;
mod wiring;

pub use cli::{Cli, CommandError};
pub use clock::SystemClock;
pub use settings::{
    Connectivity, Crypto, Database, Egress, Environment, Http, Log, LogFormat, LogLevel, PublicUrl,
    RateLimit, Settings, SettingsError, Shutdown, Tls,
};
// Who makes tokens by `Application::access`.
pub use datastore_application::Author;
pub use wiring::{Application, DataDirError, StartError};
