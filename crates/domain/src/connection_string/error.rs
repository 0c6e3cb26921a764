//! Why a text is not a connection string that we store.

use crate::{TextError, ViolationCode};
use std::fmt;

/// A part of a connection string, to say where something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Between `://` and the password.
    UserName,
    /// Between the user name and `@`.
    Password,
    /// After `@`, or after `://` without a login.
    Host,
    /// After the host's `:`.
    Port,
    /// After the `/` behind the hosts.
    Database,
    /// Left of a parameter's `=`.
    ParameterName,
    /// Right of the `=` of this parameter, which is on the allow-list.
    Parameter(&'static str),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserName => f.write_str("the user name"),
            Self::Password => f.write_str("the password"),
            Self::Host => f.write_str("the host"),
            Self::Port => f.write_str("the port"),
            Self::Database => f.write_str("the database"),
            Self::ParameterName => f.write_str("a parameter name"),
            Self::Parameter(name) => write!(f, "the parameter '{name}'"),
        }
    }
}

/// Why a connection string is refused: which part, and what is allowed there. Neither the variants
/// nor their text hold anything of the string but the name of a refused parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// Nothing was given.
    #[error("Must not be empty.")]
    Empty,
    /// Over the limit.
    #[error("Must be at most 4096 characters.")]
    TooLong,
    /// A control character, as written.
    #[error("Must not contain control characters.")]
    ControlCharacter,
    /// White space, as written.
    #[error("Must not contain white space; write a space inside a value as %20.")]
    WhiteSpace,
    /// No scheme, or one of another system.
    #[error("Must begin with {allowed}.")]
    Scheme {
        /// The schemes of the system, for people.
        allowed: String,
    },
    /// A fragment.
    #[error("Must not have a fragment; write '#' inside a value as %23.")]
    Fragment,
    /// More than one `@`, or one behind the hosts, so that the login ends in two possible places.
    #[error("Has an '@' that does not end the login; write '@' inside a value as %40.")]
    StrayAt,
    /// A delimiter where it would be read in two ways.
    #[error("Has '{character}' in {part}; it must not be there, or must be percent-encoded.")]
    Unescaped {
        /// Where.
        part: Part,
        /// Which one.
        character: char,
    },
    /// A `%` without two hexadecimal digits, or escapes that are not UTF-8.
    #[error(
        "Has an invalid percent escape in {part}; each '%' needs two hexadecimal digits (a plain \
         '%' is %25) and the result must be UTF-8."
    )]
    Escape {
        /// Where.
        part: Part,
    },
    /// A mask where a secret belongs.
    #[error("Has a mask in place of the value of {part}; give the value itself.")]
    Masked {
        /// Where.
        part: Part,
    },
    /// A part breaks the rules of its type.
    #[error("Has an invalid value in {part}: {source}")]
    Value {
        /// Where.
        part: Part,
        /// Which rule.
        source: TextError,
    },
    /// No host at all, or an empty one in a list.
    #[error("Must name a host after '://' and the login.")]
    HostMissing,
    /// More hosts than the system may have.
    #[error("Must name at most {max} host(s).")]
    TooManyHosts {
        /// How many are allowed.
        max: usize,
    },
    /// A path where a host belongs.
    #[error("Must name a TCP host; Unix sockets are not allowed.")]
    UnixSocket,
    /// Several colons outside brackets.
    #[error("Must have an IPv6 address in brackets, as in [::1]:5432.")]
    Brackets,
    /// Not a port.
    #[error("Has an invalid port; it must be a whole number between 1 and 65535.")]
    Port,
    /// An SRV name that is an address or has a port.
    #[error("Must name one host name without a port after mongodb+srv://; SRV records name ports.")]
    SrvHost,
    /// `@` or a password without a user name.
    #[error("Has no user name before the password or '@'; leave '@' out for no login.")]
    UserMissing,
    /// A user name alone, on a system that cannot log in like that.
    #[error("Has no password after the user name; write user:password@, or no login at all.")]
    PasswordMissing,
    /// Redis: what stands alone before `@` is a user to some clients and a password to others.
    #[error("Has no password; write :password@ or user:password@ for Redis, or no login at all.")]
    RedisLogin,
    /// A parameter that is not on the allow-list.
    #[error("Parameter '{name}' is not allowed here; {allowed}.")]
    ParameterNotAllowed {
        /// Its name: at most 64 harmless characters.
        name: String,
        /// The allow-list, for people.
        allowed: String,
    },
    /// A parameter named twice, letter case and escapes aside.
    #[error("Parameter '{name}' must not be given more than once.")]
    DuplicateParameter {
        /// Its name on the allow-list.
        name: &'static str,
    },
    /// A parameter without `=` or without a name.
    #[error("Must have its parameters in the form ?name=value&name=value.")]
    ParameterSyntax,
    /// A value of the wrong type or none of the choices.
    #[error("Parameter '{name}' must be {allowed}.")]
    ParameterValue {
        /// Its name on the allow-list.
        name: &'static str,
        /// What is allowed.
        allowed: String,
    },
    /// A parameter that contradicts something else in the string.
    #[error("Parameter '{name}' {reason}.")]
    Contradiction {
        /// Its name on the allow-list.
        name: &'static str,
        /// With what.
        reason: &'static str,
    },
}

impl ConnectionStringError {
    /// The rule that was broken, for programs.
    #[must_use]
    pub fn code(&self) -> ViolationCode {
        match self {
            Self::Empty => ViolationCode::Blank,
            Self::TooLong => ViolationCode::TooLong,
            Self::ControlCharacter | Self::WhiteSpace => ViolationCode::InvalidCharacter,
            Self::Masked { .. } => ViolationCode::MaskedValue,
            Self::Value { source, .. } => source.code,
            Self::ParameterNotAllowed { .. }
            | Self::DuplicateParameter { .. }
            | Self::ParameterValue { .. }
            | Self::Contradiction { .. } => ViolationCode::ParameterNotAllowed,
            Self::Scheme { .. }
            | Self::Fragment
            | Self::StrayAt
            | Self::Unescaped { .. }
            | Self::Escape { .. }
            | Self::HostMissing
            | Self::TooManyHosts { .. }
            | Self::UnixSocket
            | Self::Brackets
            | Self::Port
            | Self::SrvHost
            | Self::UserMissing
            | Self::PasswordMissing
            | Self::RedisLogin
            | Self::ParameterSyntax => ViolationCode::InvalidFormat,
        }
    }
}
