//! Text that must not be seen.

use std::fmt;
use zeroize::Zeroizing;

/// What stands for a stored password in every answer.
pub const PASSWORD_MASK: &str = "***encrypted***";

/// What stands for a password or a parameter value inside a masked connection string.
pub const MASK: &str = "***";

/// A plain secret: wiped from memory on drop, printed as `***`, never serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership, so that no second copy is left behind.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The plain text, for sealing and for handshakes only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}
