//! Prints a structure: masked for readers, plain to be read again.
//!
//! Both come from the same walk over the structure and never from the text, so a secret that
//! happens to equal a user name, or that was written with odd escapes, cannot slip through.

use super::{Structure, WrittenHost};
use crate::{MASK, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

/// All but the unreserved characters of RFC 3986, so `*` too: a user called `***` is no mask.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What happens to secrets.
#[derive(Clone, Copy)]
enum Secrets {
    Hidden,
    Shown,
}

/// Scheme, user name, hosts, written ports and database; secrets as `***`.
pub(super) fn mask(structure: &Structure) -> String {
    let mut printed = String::new();
    print(structure, Secrets::Hidden, &mut printed);
    printed
}

/// Everything. `written` is the length of the text that the structure was read from.
pub(super) fn plain(structure: &Structure, written: usize) -> Secret {
    // Each byte is printed as three at most, and an alias is one shorter than its name: with room
    // for all of it the buffer never moves, and leaves no unwiped copy behind.
    let mut printed = Zeroizing::new(String::with_capacity(3 * written + 64));
    print(structure, Secrets::Shown, &mut printed);
    Secret::new(std::mem::take(&mut *printed))
}

fn print(structure: &Structure, secrets: Secrets, out: &mut String) {
    out.push_str(structure.scheme.name);
    out.push_str("://");
    if let Some(credentials) = &structure.credentials {
        escape(credentials.username.as_ref().map_or("", |user| user.as_str()), out);
        if let Some(password) = &credentials.password {
            out.push(':');
            secret(password.expose(), secrets, out);
        }
        out.push('@');
    }
    for (place, host) in structure.hosts.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        print_host(host, out);
    }
    if let Some(database) = &structure.database {
        out.push('/');
        escape(database.as_str(), out);
    }
    for (place, parameter) in structure.parameters.iter().enumerate() {
        out.push(if place == 0 { '?' } else { '&' });
        out.push_str(parameter.rule.name);
        out.push('=');
        secret(parameter.value(), secrets, out);
    }
}

fn print_host(written: &WrittenHost, out: &mut String) {
    // A host is letters, digits, `-`, `_`, `.`, or an address whose zone has a `%`.
    out.push_str(&written.host.as_str().replace('%', "%25"));
    if let Some(port) = written.port {
        out.push(':');
        out.push_str(&port.to_string());
    }
}

fn secret(text: &str, secrets: Secrets, out: &mut String) {
    match secrets {
        Secrets::Hidden => out.push_str(MASK),
        Secrets::Shown => escape(text, out),
    }
}

fn escape(text: &str, out: &mut String) {
    // Piece by piece into `out`: no text in between holds the secret.
    out.extend(utf8_percent_encode(text, &ESCAPED));
}
