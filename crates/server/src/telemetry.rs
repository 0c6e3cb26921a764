//! The log: where it goes, what it lets through, and what it says of a panic.

use crate::settings::{Log, LogFormat, LogLevel};
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::subscriber::Interest;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, dynamic_filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt as _};
use tracing_subscriber::{Layer, Registry, fmt};

/// What the targets of our own crates start with.
const OURS: &str = "datastore_";

/// Starts the log on standard error, for the process as a whole: called once, by `serve`.
pub(crate) fn start(log: Log) {
    let output = fmt::layer().with_writer(io::stderr);
    let output: Box<dyn Layer<Registry> + Send + Sync> = match format(log) {
        LogFormat::Json => output.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Text => output.with_ansi(io::stderr().is_terminal()).boxed(),
    };
    let subscriber =
        Registry::default().with(output.with_filter(filter(log.level).and(unless_stopping())));
    // A second log in one process would be a defect of a test, and losing it hurts nobody.
    drop(tracing::subscriber::set_global_default(subscriber));
}

/// The form of a line of this process.
pub(crate) fn format(log: Log) -> LogFormat {
    log.format.unwrap_or_else(|| match io::stderr().is_terminal() {
        true => LogFormat::Text,
        false => LogFormat::Json,
    })
}

/// Our crates log at `level`. Libraries log at most at info whatever the level says: below that,
/// some of them write down what they send and receive.
fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new()
        .with_default(level.min(LevelFilter::INFO))
        // It tells of each thread that starts and stops.
        .with_target("actix_server", level.min(LevelFilter::WARN))
        .with_target(OURS, level)
}

/// The thread that accepts connections.
const ACCEPTS: &str = "actix_server::accept";

static STOPPING: AtomicBool = AtomicBool::new(false);

/// From now on the listener may be shut while it is being asked for connections: no error any more.
pub(crate) fn expect_listener_to_end() {
    STOPPING.store(true, Ordering::Relaxed);
}

fn unless_stopping<S>() -> impl Filter<S> {
    dynamic_filter_fn(|event, _| event.target() != ACCEPTS || !STOPPING.load(Ordering::Relaxed))
        // All others are decided once.
        .with_callsite_filter(|event| match event.target() {
            ACCEPTS => Interest::sometimes(),
            _ => Interest::always(),
        })
}

/// Tells of panics by their place from now on. The payload stays out: it may quote what was being
/// worked on.
pub(crate) fn tell_of_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        if tracing::dispatcher::has_been_set() {
            tracing::error!(place, "a defect stopped what was being done");
        } else {
            // Nobody is left to hear of a standard error that is closed.
            drop(writeln!(io::stderr(), "datastore-api: a defect stopped the command: {place}"));
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn t16_libraries_log_at_most_at_info() {
        let verbose = filter(LogLevel::Trace);
        assert!(verbose.would_enable("datastore_http::server", &Level::TRACE));
        assert!(verbose.would_enable("rustls::client", &Level::INFO));
        for library in ["rustls::client", "actix_http::h1", "tokio_postgres", "diesel", "log"] {
            assert!(!verbose.would_enable(library, &Level::DEBUG), "{library}");
        }
        let quiet = filter(LogLevel::Error);
        assert!(!quiet.would_enable("rustls", &Level::WARN));
        assert!(!quiet.would_enable("datastore_http", &Level::WARN));
    }
}
