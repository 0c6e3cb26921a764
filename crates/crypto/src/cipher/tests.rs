use super::*;
use datastore_domain::RecordId;
use datastore_ports::SecretField;
use std::error::Error;

fn here() -> SealContext {
    context(1, SecretField::Password)
}

fn context(record: u8, field: SecretField) -> SealContext {
    SealContext { record: RecordId::from_bytes([record; 16]), field }
}

fn key(byte: u8) -> Key {
    Key::try_from([byte; 32].as_slice()).unwrap()
}

fn cipher(keys: &[(&str, u8)]) -> RingCipher {
    let named = |(id, byte): &(&str, u8)| (KeyId::try_from(*id).unwrap(), key(*byte));
    RingCipher::new(KeyRing::new(keys.iter().map(named).collect()).unwrap())
}

fn seal(cipher: &RingCipher, text: &str) -> SealedValue {
    cipher.seal(here(), &Secret::new(text.to_owned())).unwrap()
}

/// Opens in `at`, which must fail as every failure does, and returns the cause that the log sees.
#[track_caller]
fn refused(cipher: &RingCipher, at: SealContext, sealed: &SealedValue) -> String {
    let error = cipher.open(at, sealed).unwrap_err();
    assert_eq!(error.to_string(), "a stored secret could not be processed");
    error.source().unwrap().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_was_sealed_opens() {
    let cipher = cipher(&[("k1", 1)]);
    for text in ["", "x", "hunter2", "pässwörd \0 \u{1F511}", &"long ".repeat(4000)] {
        let sealed = seal(&cipher, text);
        assert_eq!(cipher.open(here(), &sealed).unwrap().expose(), text);
        assert_eq!(sealed.as_bytes().len(), 2 + 2 + 24 + text.len() + 16);
        let leaks =
            sealed.as_bytes().windows(text.len().max(1)).any(|part| part == text.as_bytes());
        assert!(text.len() < 2 || !leaks, "{text}");
    }
}

/// The expected bytes come from another implementation: HChaCha20 written out in Python after
/// draft-irtf-cfrg-xchacha and ChaCha20-Poly1305 of OpenSSL. Should this test ever fail, stored
/// values can no longer be read.
#[test]
fn the_stored_form_never_changes() {
    let bytes: [u8; 32] = std::array::from_fn(|i| 0x80 + i as u8);
    let keys = vec![(KeyId::try_from("k1").unwrap(), Key::try_from(&bytes[..]).unwrap())];
    let cipher = RingCipher::new(KeyRing::new(keys).unwrap());
    let record = RecordId::from_bytes(std::array::from_fn(|i| 0x10 + i as u8));
    let nonce = std::array::from_fn(|i| i as u8);
    let cases = [
        (
            SecretField::Password,
            "hunter2",
            "01026b31000102030405060708090a0b0c0d0e0f1011121314151617\
             0897e4fbecdfc073ac02f27c57dad8b4d8e0e57447eb8d",
        ),
        (
            SecretField::ConnectionString,
            "redis://:hunter2@cache:6379/0",
            "01026b31000102030405060708090a0b0c0d0e0f1011121314151617\
             1287eee6fa97dd1fe0c30c42e0ba99d5268ec421bfa5a8ef4ffc4c2e78a105c4\
             04681a29021b3e953567577d43",
        ),
    ];
    for (field, text, expected) in cases {
        let context = SealContext { record, field };
        let sealed = cipher.seal_with_nonce(place_of(&context), nonce, text.as_bytes()).unwrap();
        assert_eq!(hex(sealed.as_bytes()), expected);
        assert_eq!(cipher.open(context, &sealed).unwrap().expose(), text);
    }
}

#[test]
fn the_first_key_seals_and_an_older_one_opens() {
    let sealed = seal(&cipher(&[("k1", 1)]), "hunter2");
    let rotated = cipher(&[("k2", 2), ("k1", 1)]);
    assert_eq!(rotated.open(here(), &sealed).unwrap().expose(), "hunter2");
    assert_eq!(rotated.sealing_key_id().as_str(), "k2");
    let again = seal(&rotated, "hunter2");
    assert_eq!(crate::key_id_of(&again).as_ref(), Some(rotated.sealing_key_id()));
}

#[test]
fn t20_an_unknown_key_or_another_key_of_the_same_id_does_not_open() {
    let sealed = seal(&cipher(&[("k1", 1)]), "hunter2");
    assert_eq!(refused(&cipher(&[("k2", 1)]), here(), &sealed), "key `k1` is not in the key ring");
    refused(&cipher(&[("k1", 2)]), here(), &sealed);
}

#[test]
fn t20_another_row_or_field_or_table_does_not_open() {
    let cipher = cipher(&[("k1", 1)]);
    let sealed = seal(&cipher, "hunter2");
    refused(&cipher, context(2, SecretField::Password), &sealed);
    refused(&cipher, context(1, SecretField::ConnectionString), &sealed);
    let here = here();
    let elsewhere = Place { table: "canary", ..place_of(&here) };
    assert!(cipher.open_bytes(elsewhere, &sealed).is_err());
    assert!(cipher.open_bytes(place_of(&here), &sealed).is_ok());
}

#[test]
fn t20_no_flipped_bit_goes_unnoticed() {
    // Two ids and two keys that differ in one bit, so that a flip in the id names the other key;
    // and two ids of one key, so that a swapped id alone must be noticed too.
    for keys in [[("k1", 1), ("k0", 3)], [("k1", 1), ("k0", 1)]] {
        let cipher = cipher(&keys);
        let sealed = seal(&cipher, "hunter2").as_bytes().to_vec();
        for at in 0..sealed.len() {
            for mask in (0..8).map(|bit| 1 << bit).chain([0xFF]) {
                let mut altered = sealed.clone();
                altered[at] ^= mask;
                refused(&cipher, here(), &SealedValue::new(altered));
            }
        }
    }
}

#[test]
fn t20_neither_truncated_nor_extended_values_open() {
    let cipher = cipher(&[("k1", 1)]);
    let sealed = seal(&cipher, "hunter2").as_bytes().to_vec();
    for length in 0..sealed.len() {
        refused(&cipher, here(), &SealedValue::new(sealed[..length].to_vec()));
    }
    for extra in [0, 1, 0xFF] {
        refused(&cipher, here(), &SealedValue::new([&sealed[..], &[extra]].concat()));
    }
}

#[test]
fn t20_plain_text_is_never_read_as_such() {
    let cipher = cipher(&[("k1", 1)]);
    for stored in ["", "hunter2", "\u{1}hunter2", "\u{1}\u{2}k1hunter2"] {
        refused(&cipher, here(), &SealedValue::new(stored.as_bytes().to_vec()));
    }
}

#[test]
fn authentic_bytes_that_are_not_text_are_refused() {
    let cipher = cipher(&[("k1", 1)]);
    let sealed = cipher.seal_bytes(place_of(&here()), &[0xFF, 0xFE]).unwrap();
    assert_eq!(refused(&cipher, here(), &sealed), Failure::NotText.to_string());
}

#[test]
fn t21_a_million_nonces_all_differ() {
    let mut nonces: Vec<_> = (0..1_000_000).map(|_| fresh_nonce().unwrap()).collect();
    nonces.sort_unstable();
    assert!(nonces.windows(2).all(|pair| pair[0] != pair[1]));
}

/// The million of T21 takes a release build; a debug build seals some twenty times slower, and the nonces
/// alone are counted in full above.
#[test]
fn t21_sealings_of_one_text_all_differ() {
    let sealings = if cfg!(debug_assertions) { 10_000 } else { 1_000_000 };
    let cipher = cipher(&[("k1", 1)]);
    let secret = Secret::new("hunter2".to_owned());
    let nonce_and_tag = |_| {
        let sealed = cipher.seal(here(), &secret).unwrap();
        let form = StoredForm::parse(&sealed).unwrap();
        (*form.nonce, form.ciphertext.to_vec())
    };
    let mut sealed: Vec<_> = (0..sealings).map(nonce_and_tag).collect();
    sealed.sort_unstable();
    assert!(sealed.windows(2).all(|pair| pair[0].0 != pair[1].0));
    sealed.sort_unstable_by(|a, b| a.1.cmp(&b.1));
    assert!(sealed.windows(2).all(|pair| pair[0].1 != pair[1].1));
}

#[test]
fn no_debug_output_holds_a_key_or_a_secret() {
    let cipher = cipher(&[("k1", 0xC5)]);
    let sealed = seal(&cipher, "hunter2");
    let error = refused(&cipher, context(2, SecretField::Password), &sealed);
    let failure = cipher.open(context(2, SecretField::Password), &sealed).unwrap_err();
    let shown = format!("{cipher:?} {cipher:#?} {error} {failure:?} {sealed:?}");
    assert!(shown.contains("***"));
    for trace in ["197, 197", "c5c5", "C5C5", "xcXF", "hunter2"] {
        assert!(!shown.contains(trace), "{shown}");
    }
}
