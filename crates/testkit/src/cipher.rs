//! A cipher that hides nothing, but keeps the port's promises.

use datastore_domain::{SealedValue, Secret};
use datastore_ports::{CipherError, CredentialCipher, SealContext};
use std::sync::atomic::{AtomicU64, Ordering};

const VERSION: u8 = 1;
const KEY_ID: &[u8] = b"test";

/// A reversible scrambling in the stored form of the real cipher (version, length and text of the
/// key id, nonce, body), bound to its context; for tests only.
#[derive(Debug, Default)]
pub struct PlainCipher {
    sealed: AtomicU64,
}

impl PlainCipher {
    /// A cipher that has sealed nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// The context in front of the text, all of it flipped: no plain text is seen in a file.
fn body(context: SealContext, plain: &str) -> Vec<u8> {
    let field = context.field.as_str().as_bytes();
    let parts = [&context.record.as_bytes()[..], field, b"\0", plain.as_bytes()];
    parts.concat().iter().map(|byte| !byte).collect()
}

fn refused(reason: &'static str) -> CipherError {
    CipherError(reason.into())
}

impl CredentialCipher for PlainCipher {
    fn seal(&self, context: SealContext, plain: &Secret) -> Result<SealedValue, CipherError> {
        let nonce = self.sealed.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        let head = [&[VERSION, 4][..], KEY_ID, &nonce].concat();
        Ok(SealedValue::new([head, body(context, plain.expose())].concat()))
    }

    fn open(&self, context: SealContext, sealed: &SealedValue) -> Result<Secret, CipherError> {
        let head = [&[VERSION, 4][..], KEY_ID].concat();
        let rest = sealed.as_bytes().strip_prefix(&head[..]);
        let (_nonce, rest) = rest
            .and_then(|rest| rest.split_at_checked(size_of::<u64>()))
            .ok_or_else(|| refused("not sealed by this cipher"))?;
        let plain = rest
            .strip_prefix(&body(context, "")[..])
            .ok_or_else(|| refused("sealed for another context"))?;
        let plain = plain.iter().map(|byte| !byte).collect();
        String::from_utf8(plain).map(Secret::new).map_err(|_| refused("altered"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datastore_domain::RecordId;
    use datastore_ports::SecretField;

    #[test]
    fn opens_in_its_own_context_only() {
        let cipher = PlainCipher::new();
        let record = RecordId::from_bytes([1; 16]);
        let context = SealContext { record, field: SecretField::Password };
        let sealed = cipher.seal(context, &Secret::new("p@ss".to_owned())).expect("seals");
        assert_ne!(sealed, cipher.seal(context, &Secret::new("p@ss".to_owned())).expect("seals"));
        assert_eq!(cipher.open(context, &sealed).expect("opens").expose(), "p@ss");
        let field = SecretField::ConnectionString;
        assert!(cipher.open(SealContext { field, ..context }, &sealed).is_err());
        let record = RecordId::from_bytes([2; 16]);
        assert!(cipher.open(SealContext { record, ..context }, &sealed).is_err());
        assert!(cipher.open(context, &SealedValue::new(vec![1])).is_err());
    }
}
