//! What can go wrong in a connection test, and how we say it.
//!
//! Servers send texts of their own with their errors. None of them passes this module: a cause is
//! one of the constants of [`causes`], and its sentence is ours.

mod causes;

use datastore_domain::{FailureCode, ProbeFailure, Step, System};

/// Why a step failed: the stable code, and a sentence or two that say what failed and what to
/// check, with the words that one would search for. Finer than the code: several causes share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    code: FailureCode,
    /// The words in braces are filled in by [`Cause::at`].
    text: &'static str,
}

impl Cause {
    const fn new(code: FailureCode, text: &'static str) -> Self {
        Self { code, text }
    }

    /// The cause as what the test of `system` reports for `step`.
    pub(crate) fn at(self, step: Step, system: System) -> ProbeFailure {
        let message = self
            .text
            .replace("{product}", product(system))
            .replace("{doing}", doing(step))
            .replace("{tls}", &encrypted(system))
            .replace("{database}", database(system))
            .replace("{limit}", limit(system))
            .replace("{check}", check(step));
        ProbeFailure { step, code: self.code, message }
    }
}

/// The product's name in prose.
fn product(system: System) -> &'static str {
    match system {
        System::Postgres => "PostgreSQL",
        System::Mysql => "MySQL",
        System::Mongodb => "MongoDB",
        System::Redis => "Redis",
        System::Neo4j => "Neo4j",
        System::Cassandra => "Cassandra",
    }
}

fn doing(step: Step) -> &'static str {
    match step {
        Step::Resolve => "resolving the host name",
        Step::Connect => "connecting",
        Step::Tls => "setting up TLS",
        Step::Authenticate => "logging in",
        Step::Query => "waiting for the answer to the query",
    }
}

/// What to set so that a connection is encrypted, in both forms of a record.
fn encrypted(system: System) -> String {
    let in_strings = match system {
        System::Postgres => "sslmode=require or verify-full",
        System::Mysql => "ssl-mode=REQUIRED or VERIFY_IDENTITY",
        System::Mongodb => "tls=true",
        System::Redis => "rediss://",
        System::Neo4j => "+s or +ssc behind the scheme",
        System::Cassandra => "tls=require or verify_full",
    };
    format!("tls to require or verify_full (in a connection string: {in_strings})")
}

/// What is to be known about the names of databases.
fn database(system: System) -> &'static str {
    match system {
        System::Postgres => "where none is set, the one named like the user is opened.",
        System::Mysql => "on most servers letter case matters.",
        System::Mongodb => "it holds a character that no name may hold.",
        System::Redis => {
            "an index from 0 to one less than the setting `databases`, 16 by default; a cluster has \
             only 0."
        }
        System::Neo4j => "where none is set, the home database of the user is opened.",
        System::Cassandra => "keyspaces are opened by their exact name, letter case included.",
    }
}

/// The setting of the server that says how many connections it takes.
fn limit(system: System) -> &'static str {
    match system {
        System::Postgres | System::Mysql => "max_connections, or that of the user",
        System::Mongodb => "net.maxIncomingConnections",
        System::Redis => "maxclients",
        System::Neo4j => "server.bolt.thread_pool_max_size",
        System::Cassandra => "native_transport_max_concurrent_connections",
    }
}

/// What to check when a step took too long.
fn check(step: Step) -> &'static str {
    match step {
        Step::Resolve => "Check the host name and the name servers.",
        Step::Connect => "Check host and port, and whether a firewall drops the packets.",
        Step::Tls | Step::Authenticate => {
            "Check that the port is the right one, whether it expects TLS, and that the server is \
             responsive."
        }
        Step::Query => "Check the load of the server.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in() {
        for step in Step::ALL {
            for system in System::ALL {
                for cause in [
                    Cause::TIMED_OUT,
                    Cause::CLOSED,
                    Cause::TLS_DEMANDED,
                    Cause::NO_SUCH_DATABASE,
                    Cause::SERVER_FULL,
                ] {
                    let failure = cause.at(step, system);
                    assert!(!failure.message.contains(['{', '}']), "{}", failure.message);
                    assert_eq!(failure.step, step);
                }
            }
        }
        let failure = Cause::REFUSED.at(Step::Connect, System::Postgres);
        assert!(
            failure.message.starts_with("Connection refused. Check that PostgreSQL is running")
        );
        assert_eq!(failure.code, FailureCode::ConnectionRefused);
    }
}
