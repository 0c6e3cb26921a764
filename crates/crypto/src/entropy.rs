//! Randomness from the operating system.

use datastore_ports::{Cause, Entropy};

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness(#[source] getrandom::Error);

/// Fills `bytes` from the operating system.
///
/// Each call asks the kernel. A generator seeded in the process would be faster, but a fork or a
/// restored snapshot would make it repeat itself, and a repeated nonce gives secrets away.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(bytes).map_err(NoRandomness)
}

/// The operating system's randomness, as the core's [`Entropy`].
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn bytes(&self) -> Result<[u8; 32], Cause> {
        let mut bytes = [0; 32];
        fill(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_differ_and_fill_every_byte() {
        let draws: Vec<_> = (0..64).map(|_| OsEntropy.bytes().unwrap()).collect();
        for (at, draw) in draws.iter().enumerate() {
            assert!(!draws[..at].contains(draw));
        }
        // A byte that is zero 64 times over was never written: the odds are 2^-512.
        assert!((0..32).all(|byte| draws.iter().any(|draw| draw[byte] != 0)));
    }
}
