//! Methods of logging in ("plugins"), and what proves the password in each.

use crate::failure::Cause;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ring::digest;
use rsa::PublicKey;
use rsa::pkcs8::DecodePublicKey;
use sha1::Sha1;
use zeroize::Zeroizing;

/// How a user logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// `mysql_native_password`.
    Native,
    /// `caching_sha2_password`.
    Sha2,
    /// MariaDB's `client_ed25519`.
    Ed25519,
    /// `mysql_clear_password`.
    Clear,
    /// One that we do not speak, and what to say about it.
    Unsupported(Cause),
}

impl Method {
    /// The method that a server calls `name`. Its name ends here: what is shown is ours.
    pub(super) fn named(name: &[u8]) -> Self {
        match name {
            b"mysql_native_password" => Self::Native,
            b"caching_sha2_password" => Self::Sha2,
            b"client_ed25519" => Self::Ed25519,
            b"mysql_clear_password" => Self::Clear,
            b"mysql_old_password" => Self::old(),
            b"sha256_password" => Self::Unsupported(Cause::ONLY_SHA256),
            b"dialog" => Self::Unsupported(Cause::ONLY_DIALOG),
            b"parsec" => Self::Unsupported(Cause::ONLY_PARSEC),
            b"auth_gssapi_client" | b"authentication_kerberos_client" => {
                Self::Unsupported(Cause::ONLY_KERBEROS)
            }
            b"authentication_ldap_sasl_client" => Self::Unsupported(Cause::ONLY_LDAP_SASL),
            b"authentication_windows_client" => Self::Unsupported(Cause::ONLY_WINDOWS),
            b"authentication_fido_client" | b"authentication_webauthn_client" => {
                Self::Unsupported(Cause::ONLY_WEBAUTHN)
            }
            b"authentication_openid_connect_client" => Self::Unsupported(Cause::ONLY_OPENID),
            _ => Self::Unsupported(Cause::MECHANISM_UNSUPPORTED),
        }
    }

    /// Bytes of the challenge that the password is proved with.
    pub(super) fn nonce_length(self) -> usize {
        match self {
            Self::Native | Self::Sha2 => 20,
            Self::Ed25519 => 32,
            Self::Clear | Self::Unsupported(_) => 0,
        }
    }

    /// What there was before 4.1.
    pub(super) fn old() -> Self {
        Self::Unsupported(Cause::ONLY_OLD_PASSWORD)
    }
}

/// SHA1(password) XOR SHA1(nonce, SHA1(SHA1(password))).
pub(super) fn native(password: &str, nonce: &[u8]) -> Zeroizing<Vec<u8>> {
    let hash = |parts: &[&[u8]]| digest_of(&digest::SHA1_FOR_LEGACY_USE_ONLY, parts);
    let once = hash(&[password.as_bytes()]);
    let twice = hash(&[&once]);
    xor(&once, &hash(&[nonce, &twice]))
}

/// SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce).
pub(super) fn sha2(password: &str, nonce: &[u8]) -> Zeroizing<Vec<u8>> {
    let hash = |parts: &[&[u8]]| digest_of(&digest::SHA256, parts);
    let once = hash(&[password.as_bytes()]);
    let twice = hash(&[&once]);
    xor(&once, &hash(&[&twice, nonce]))
}

/// A signature of the nonce with the password as the secret key. As Ed25519 (RFC 8032, 5.1.6), but
/// that a secret key there has 32 bytes, and a password as many as it has.
pub(super) fn ed25519(password: &str, nonce: &[u8]) -> Zeroizing<Vec<u8>> {
    let hash = |parts: &[&[u8]]| {
        let mut wide = Zeroizing::new([0; 64]);
        wide.copy_from_slice(&digest_of(&digest::SHA512, parts));
        wide
    };
    let reduced = |parts: &[&[u8]]| Scalar::from_bytes_mod_order_wide(&hash(parts));
    let secret = hash(&[password.as_bytes()]);
    let (key, prefix) = secret.split_at(32);
    let mut clamped = Zeroizing::new([0; 32]);
    clamped.copy_from_slice(key);
    *clamped = curve25519_dalek::scalar::clamp_integer(*clamped);
    let key = Zeroizing::new(Scalar::from_bytes_mod_order(*clamped));
    let public = EdwardsPoint::mul_base(&key).compress();
    let once = Zeroizing::new(reduced(&[prefix, nonce]));
    let commitment = EdwardsPoint::mul_base(&once).compress();
    let challenge = reduced(&[commitment.as_bytes(), public.as_bytes(), nonce]);
    let proof = challenge * *key + *once;
    Zeroizing::new([commitment.to_bytes(), proof.to_bytes()].concat())
}

/// The password and a NUL, as it is.
pub(super) fn clear(password: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(password.len() + 1));
    bytes.extend_from_slice(password.as_bytes());
    bytes.push(0);
    bytes
}

/// The password for whoever holds the private half of `pem`: XORed with the nonce, then RSA-OAEP
/// with SHA-1. The key is the server's word alone, so this protects from those who listen, and not
/// from those who answer.
pub(super) fn sealed(password: &str, nonce: &[u8], pem: &[u8]) -> Result<Vec<u8>, Cause> {
    let pem = std::str::from_utf8(pem).map_err(|_| Cause::NOT_THE_PROTOCOL)?;
    // Keys of 1024 to 8192 bits.
    let key = PublicKey::from_public_key_pem(pem).map_err(|_| Cause::NOT_THE_PROTOCOL)?;
    let mut bytes = clear(password);
    bytes.iter_mut().zip(nonce.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    // Fails when the password is longer than the key is.
    key.oaep_encrypt::<Sha1>(&bytes).map_err(|_| Cause::KEY_REFUSED)
}

fn digest_of(algorithm: &'static digest::Algorithm, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut context = digest::Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    Zeroizing::new(context.finish().as_ref().to_vec())
}

fn xor(left: &[u8], right: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(left.iter().zip(right).map(|(a, b)| a ^ b).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The examples of `go-sql-driver/mysql` (`auth_test.go`).
    #[test]
    fn proofs_are_those_of_other_clients() {
        let nonce =
            [10, 47, 74, 111, 75, 73, 34, 48, 88, 76, 114, 74, 37, 13, 3, 80, 82, 2, 23, 21];
        for (password, expected) in [
            ("secret", "f490e76f66d9d86665ce54d98c78d0acfe2fb0b08b423da807144873d30b312c"),
            ("secret2", "abc3934a012cf342e876071c8ee202de51785b430258a7a0138bc79c4d800bc6"),
        ] {
            assert_eq!(hex(&sha2(password, &nonce)), expected);
        }
    }

    #[test]
    fn t17_the_name_of_a_method_is_not_kept() {
        let method = Method::named(b"hunter2");
        assert_eq!(method, Method::Unsupported(Cause::MECHANISM_UNSUPPORTED));
        assert!(!format!("{method:?}").contains("hunter2"));
    }

    /// A key of 2048 bits, as MySQL makes one for itself.
    const KEY: &str = include_str!("login/key.pem");

    #[test]
    fn a_password_that_a_key_cannot_hold_stays_here() {
        let seal = |length| sealed(&"x".repeat(length), &[7; 20], KEY.as_bytes());
        assert_eq!(seal(213).map(|bytes| bytes.len()), Ok(256));
        assert_eq!(seal(214), Err(Cause::KEY_REFUSED));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        /// A key with a few wrong bytes, wherever they are.
        #[test]
        fn t10_no_key_makes_it_panic(
            end in 280_usize..500, changes in proptest::collection::vec((0_usize..294, 0_u8..), 0..3)
        ) {
            let base64: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
            let mut der = STANDARD.decode(base64).expect("a key");
            for (at, byte) in changes {
                der[at] = byte;
            }
            der.truncate(end);
            let base64 = STANDARD.encode(der);
            let lines: Vec<&str> =
                base64.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).expect("ASCII")).collect();
            let (begin, end) = ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----");
            let pem = format!("{begin}\n{}\n{end}\n", lines.join("\n"));
            let _ = sealed("hunter2", &[7; 20], pem.as_bytes());
        }
    }
}
