//! `serve` and `migrate`.

use super::{CommandError, config, print};
use crate::settings::Settings;
use crate::telemetry;
use crate::wiring::{self, Application};
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) async fn serve(settings: &Settings) -> Result<(), CommandError> {
    let system = |error| CommandError::System("the server failed", error);
    config::check_files(settings)?;
    telemetry::start(settings.log);
    // Before anything listens, so that no signal finds the process without an answer.
    let mut signals = Signals::register().map_err(system)?;
    let application = Application::build(settings).await?;
    let address = application.address();
    tracing::info!(%address, "listening on http://{address}");
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "other machines can connect, and without TLS they can listen in");
    }
    let grace_seconds = settings.shutdown.grace.as_secs_f64();
    let timeout_seconds = settings.shutdown.timeout.as_secs_f64();
    let stopped = application.run_until_stopped(async move {
        let (name, _) = signals.next().await;
        telemetry::expect_listener_to_end();
        tracing::info!(
            grace_seconds,
            timeout_seconds,
            "{name}: running requests may finish, then the server stops"
        );
        tokio::spawn(async move {
            let (name, number) = signals.next().await;
            tracing::warn!("{name} again: stopping at once");
            // What was acknowledged is on disk. The code is what a shell makes of the signal.
            std::process::exit(128 + number);
        });
    });
    stopped.await.map_err(system)?;
    tracing::info!("stopped");
    Ok(())
}

/// The signals that stop the server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn register() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Name and number of the next signal.
    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
            _ = self.interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
        }
    }
}

pub(super) async fn migrate(settings: &Settings) -> Result<(), CommandError> {
    let ran = wiring::migrate(settings).await?;
    let url = settings.database_url();
    match ran.len() {
        0 => print(&format!("{url} is up to date\n")),
        _ => print(&format!("{url} is up to date: {} ran\n", ran.join(", "))),
    }
}
