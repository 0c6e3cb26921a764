//! What to do when the server does not take a connection.

use datastore_ports::Cause;
use rustls::CertificateError;
use std::error::Error;
use std::io;

/// An attempt at one server that failed. Its sources say what happened.
#[derive(Debug, thiserror::Error)]
#[error("{place}{}", advice.map(|advice| format!(": {advice}")).unwrap_or_default())]
struct NotConnected {
    place: String,
    /// What to check, where the source does not say so itself.
    advice: Option<&'static str>,
    source: Cause,
}

/// `cause` with the server that it concerns and with advice; `code` is the SQLSTATE of the server's
/// answer.
pub(super) fn on_connecting(place: String, cause: Cause, code: Option<[u8; 5]>) -> Cause {
    let advice = code.and_then(of_code).or_else(|| of_causes(cause.as_ref()));
    Box::new(NotConnected { place, advice, source: cause })
}

/// `cause` of a host's name that has no address.
pub(super) fn on_name(name: &str, cause: io::Error) -> Cause {
    let advice = Some("the name has no address; check the host of database.url");
    Box::new(NotConnected { place: name.to_owned(), advice, source: cause.into() })
}

/// For the codes that are about rights, places and limits.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(super) fn of_code(code: [u8; 5]) -> Option<&'static str> {
    Some(match &code {
        b"28P01" => "check the user and the password of database.url",
        b"28000" => {
            "the server does not let this user in from here; check the user and the sslmode of \
             database.url, and pg_hba.conf of the server"
        }
        b"3D000" => {
            "there is no such database; make it with CREATE DATABASE, or correct the last part of \
             database.url"
        }
        b"3F000" => {
            "there is no schema for the tables; make one with CREATE SCHEMA, or correct search_path"
        }
        b"42501" => {
            "the user of database.url lacks a right; make it the owner of the database and of the \
             tables that are there, or GRANT CONNECT ON DATABASE and CREATE ON SCHEMA to it"
        }
        b"53300" => {
            "the server has no connection left; raise its max_connections, or lower \
             database.pool_size"
        }
        b"57P03" => "the server is starting or stopping; wait for it",
        _ => return None,
    })
}

fn of_causes(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(cause);
    while let Some(error) = next {
        if let Some(advice) = error.downcast_ref().and_then(of_tls) {
            return Some(advice);
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            // What an I/O error was made from is not among its sources.
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
            // Errors of our own making speak for themselves.
            let of_system = error.raw_os_error().and_then(|_| of_io(error.kind()));
            return inner.and_then(of_tls).or(of_system);
        }
        next = error.source();
    }
    None
}

fn of_tls(error: &rustls::Error) -> Option<&'static str> {
    let rustls::Error::InvalidCertificate(certificate) = error else { return None };
    Some(match certificate {
        CertificateError::UnknownIssuer => {
            "nobody who is trusted vouches for its certificate; name the file of its authority in \
             database.tls_ca_file"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name; write the name that is in it in database.url"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired; renew it on the server"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; check the clocks"
        }
        _ => "its certificate cannot be used; check it on the server",
    })
}

fn of_io(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            "nobody listens there; start the server, or correct host and port of database.url"
        }
        io::ErrorKind::PermissionDenied => "this user may not open the socket of the server",
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::TimedOut => {
            "it cannot be reached; check the host of database.url and the firewalls between"
        }
        _ => return None,
    })
}
