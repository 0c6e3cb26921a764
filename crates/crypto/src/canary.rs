//! One sealed word in the database, by which a wrong key ring is noticed at start and not at the
//! first read.

use crate::cipher::{Failure, RingCipher};
use crate::key::KeyId;
use crate::sealed::{Place, StoredForm};
use datastore_domain::SealedValue;
use datastore_ports::CipherError;

/// The canary's place. It belongs to no record, and no datastore's secret opens in it.
const PLACE: Place<'static> = Place { table: "canary", record: &[], field: "canary" };

/// What is sealed. It is no secret.
const WORD: &[u8] = b"datastore-api canary";

/// The key ring does not belong to the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanaryError {
    /// The ring has no key of this id.
    #[error(
        "the database was sealed under key `{id}`, which is not in the key ring; \
         add that key to the ring, or use the database that belongs to this ring"
    )]
    UnknownKey {
        /// The key that the canary names.
        id: KeyId,
    },
    /// The ring has a key of this id, and it does not open the canary.
    #[error(
        "key `{id}` of the key ring does not open this database; \
         restore the key that had this id when the database was sealed"
    )]
    WrongKey {
        /// The key that the canary names.
        id: KeyId,
    },
    /// What is stored is not a canary.
    #[error(
        "the database's canary is not one that this version knows; \
         restore the database from a backup, or start the version that wrote it"
    )]
    NotACanary,
}

impl RingCipher {
    /// Seals the canary under the first key, to be stored once in the database.
    ///
    /// # Errors
    ///
    /// [`CipherError`] when the operating system gives no randomness.
    pub fn seal_canary(&self) -> Result<SealedValue, CipherError> {
        self.seal_bytes(PLACE, WORD).map_err(|failure| CipherError(Box::new(failure)))
    }

    /// Whether the ring belongs to the database that `canary` is stored in.
    ///
    /// It proves the one key that the canary is sealed under. That the ring has the keys of all
    /// other values is checked by [`crate::key_id_of`] and [`crate::KeyRing::contains`].
    ///
    /// # Errors
    ///
    /// [`CanaryError`], whose message names the key and the remedy: it is meant for the operator.
    pub fn check_canary(&self, canary: &SealedValue) -> Result<(), CanaryError> {
        let form = StoredForm::parse(canary).map_err(|_| CanaryError::NotACanary)?;
        let id = KeyId::try_from(form.key_id).map_err(|_| CanaryError::NotACanary)?;
        match self.open_bytes(PLACE, canary) {
            Ok(word) if word.as_slice() == WORD => Ok(()),
            Err(Failure::UnknownKey(_)) => Err(CanaryError::UnknownKey { id }),
            Err(Failure::NotAuthentic(_)) => Err(CanaryError::WrongKey { id }),
            Ok(_) | Err(_) => Err(CanaryError::NotACanary),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Key, KeyRing};
    use datastore_domain::{RecordId, Secret};
    use datastore_ports::{CredentialCipher, SealContext, SecretField};

    fn id(text: &str) -> KeyId {
        KeyId::try_from(text).unwrap()
    }

    fn cipher(keys: &[(&str, u8)]) -> RingCipher {
        let named =
            |(name, byte): &(&str, u8)| (id(name), Key::try_from([*byte; 32].as_slice()).unwrap());
        RingCipher::new(KeyRing::new(keys.iter().map(named).collect()).unwrap())
    }

    #[test]
    fn the_ring_that_sealed_it_and_its_successors_pass() {
        let canary = cipher(&[("k1", 1)]).seal_canary().unwrap();
        for ring in [&[("k1", 1)][..], &[("k1", 1), ("k2", 2)], &[("k2", 2), ("k1", 1)]] {
            assert_eq!(cipher(ring).check_canary(&canary), Ok(()));
        }
    }

    #[test]
    fn t44_wrong_and_missing_keys_are_told_apart() {
        let canary = cipher(&[("k1", 1)]).seal_canary().unwrap();
        let unknown = CanaryError::UnknownKey { id: id("k1") };
        let wrong = CanaryError::WrongKey { id: id("k1") };
        let cases = [
            (cipher(&[("k2", 1)]), unknown.clone()),
            (cipher(&[("k2", 2), ("k3", 1)]), unknown),
            (cipher(&[("k1", 2)]), wrong.clone()),
            (cipher(&[("k2", 1), ("k1", 2)]), wrong),
        ];
        for (cipher, expected) in cases {
            let error = cipher.check_canary(&canary).unwrap_err();
            assert_eq!(error, expected);
            let message = error.to_string();
            assert!(message.contains("`k1`") && message.contains(';') && !message.contains('\n'));
        }
    }

    #[test]
    fn t20_an_altered_canary_does_not_pass() {
        let cipher = cipher(&[("k1", 1), ("k0", 2)]);
        let canary = cipher.seal_canary().unwrap().as_bytes().to_vec();
        for at in 0..canary.len() {
            let mut altered = canary.clone();
            altered[at] ^= 1;
            assert!(cipher.check_canary(&SealedValue::new(altered)).is_err(), "byte {at}");
            let cut = SealedValue::new(canary[..at].to_vec());
            assert!(cipher.check_canary(&cut).is_err(), "{at} bytes");
        }
        let empty = cipher.check_canary(&SealedValue::new(Vec::new()));
        assert_eq!(empty, Err(CanaryError::NotACanary));
        let other_word = cipher.seal_bytes(PLACE, b"parrot").unwrap();
        assert_eq!(cipher.check_canary(&other_word), Err(CanaryError::NotACanary));
    }

    #[test]
    fn t20_canaries_and_secrets_do_not_replace_each_other() {
        let cipher = cipher(&[("k1", 1)]);
        let text = String::from_utf8(WORD.to_vec()).unwrap();
        for field in [SecretField::Password, SecretField::ConnectionString] {
            let context = SealContext { record: RecordId::from_bytes([0; 16]), field };
            let sealed = cipher.seal(context, &Secret::new(text.clone())).unwrap();
            assert_eq!(cipher.check_canary(&sealed), Err(CanaryError::WrongKey { id: id("k1") }));
            assert!(cipher.open(context, &cipher.seal_canary().unwrap()).is_err());
        }
    }

    /// From another implementation, as in the cipher's test of the stored form.
    #[test]
    fn a_stored_canary_stays_readable() {
        let hex = "01026b31000102030405060708090a0b0c0d0e0f1011121314151617\
                   0483feeefad99d42bf86185cfdff8886088cd73b912a02e5df63c32e73f834fd9256ba8c";
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let canary = SealedValue::new((0..hex.len()).step_by(2).map(byte).collect());
        let bytes: [u8; 32] = std::array::from_fn(|i| 0x80 + i as u8);
        let ring = KeyRing::new(vec![(id("k1"), Key::try_from(&bytes[..]).unwrap())]);
        assert_eq!(RingCipher::new(ring.unwrap()).check_canary(&canary), Ok(()));
    }
}
