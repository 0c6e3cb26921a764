//! Sealed secrets: XChaCha20-Poly1305 values bound to their row and field, and the key ring that opens them.
//!
//! - [`KeyRing`] holds the keys and describes the text format of a key file; [`key_file`] reads and
//!   makes such files; [`private_file`] makes others that hold a secret.
//! - [`RingCipher`] implements the `CredentialCipher` port, and seals and checks the canary that
//!   tells at start whether the ring belongs to the database.
//! - [`OsEntropy`] implements the `Entropy` port.
//!
//! # Stored form
//!
//! | bytes | content |
//! |---|---|
//! | 1 | format version, 1 |
//! | 1 | length of the key id, 1 to 16 |
//! | 1–16 | key id, `[a-z0-9-]` |
//! | 24 | nonce, from the operating system for each sealing |
//! | n + 16 | ciphertext of n bytes, then the Poly1305 tag |
//!
//! The associated data is not stored. It is the concatenation of format version, key id, table,
//! record and field, each preceded by its length as eight bytes, big end first, so that no two
//! places share an encoding. A value therefore opens only in the place where it was sealed.
//!
//! # What this does not do
//!
//! An older value of the same record and field, put back by someone who can write to the database,
//! opens: a ciphertext has no age. The length of a secret can be read from the length of its sealed
//! value.

mod canary;
mod cipher;
mod entropy;
mod key;
pub mod key_file;
pub mod private_file;
mod ring;
mod sealed;

pub use canary::CanaryError;
pub use cipher::RingCipher;
pub use entropy::{NoRandomness, OsEntropy};
pub use key::{Key, KeyError, KeyId, KeyIdError};
pub use key_file::KeyFileError;
pub use ring::{KeyRing, KeyRingError};
pub use sealed::key_id_of;
