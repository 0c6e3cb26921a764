//! Randomness.

/// Random bytes for tokens and record ids, from the operating system.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Entropy: Send + Sync {
    /// 32 unpredictable bytes.
    ///
    /// # Errors
    ///
    /// The operating system's reason for giving none.
    fn bytes(&self) -> Result<[u8; 32], crate::Cause>;
}
