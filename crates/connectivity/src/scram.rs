//! SCRAM-SHA-1, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), the client's side.
//!
//! Messages are parsed and made here without I/O; the expensive part, hashing the password, runs
//! on a bounded lane of blocking threads through [`Hashing`].

use crate::failure::Cause;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SecureRandom;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::sync::Arc;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Rounds of hashing that a server may ask for: fewer protect nobody (RFC 7677, 4), more are an
/// attack on the client.
const ROUNDS: RangeInclusive<u32> = 4_096..=600_000;

/// Longest message of a server; real ones have about a hundred bytes.
const MAX_MESSAGE: usize = 4_096;

/// The hash function of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    /// Weak elsewhere; nothing is known against it in SCRAM.
    Sha1,
    Sha256,
}

impl Hash {
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        }
    }
}

/// What is said about the TLS channel under the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// No TLS, or none that could be bound to.
    Unsupported,
    /// We could bind, but the server does not offer it; it will notice if it did.
    NotOffered,
    /// `tls-server-end-point`: hash of the server's certificate (RFC 5929).
    EndPoint(Vec<u8>),
}

impl Binding {
    fn header(&self) -> &'static str {
        match self {
            Self::Unsupported => "n,,",
            Self::NotOffered => "y,,",
            Self::EndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    /// Content of the `c=` attribute.
    fn proof(&self) -> String {
        let mut bytes = self.header().as_bytes().to_vec();
        if let Self::EndPoint(hash) = self {
            bytes.extend(hash);
        }
        STANDARD.encode(bytes)
    }
}

/// An exchange whose first message is made.
pub(crate) struct Exchange {
    hash: Hash,
    binding: Binding,
    /// `n=user,r=nonce`.
    bare: String,
    nonce: String,
}

/// What the server asks for, checked.
pub(crate) struct Challenge {
    hash: Hash,
    text: String,
    nonce: String,
    salt: Vec<u8>,
    rounds: NonZeroU32,
}

/// What the server must answer to prove that it knows the password.
pub(crate) struct ServerProof {
    key: hmac::Key,
    auth_message: String,
}

impl Exchange {
    /// Begins for `user` (empty for PostgreSQL, which knows it from the startup).
    pub(crate) fn new(hash: Hash, binding: Binding, user: &str) -> Result<Self, Cause> {
        let mut random = [0; 24];
        // Without randomness there is no login; the system's generator does not fail once booted.
        ring::rand::SystemRandom::new().fill(&mut random).map_err(|_| Cause::SERVER_UNPROVEN)?;
        Ok(Self::with_nonce(hash, binding, user, STANDARD.encode(random)))
    }

    fn with_nonce(hash: Hash, binding: Binding, user: &str, nonce: String) -> Self {
        // Both have a meaning in a message (RFC 5802, 5.1).
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { hash, binding, bare: format!("n={user},r={nonce}"), nonce }
    }

    /// The message that opens the exchange.
    pub(crate) fn first_message(&self) -> String {
        format!("{}{}", self.binding.header(), self.bare)
    }

    /// Reads the server's first message: nonce, salt and rounds, nothing mandatory besides.
    pub(crate) fn challenge(&self, message: &[u8]) -> Result<Challenge, Cause> {
        let mismatch = Cause::NOT_THE_PROTOCOL;
        let text = std::str::from_utf8(message).map_err(|_| mismatch)?;
        if text.len() > MAX_MESSAGE {
            return Err(mismatch);
        }
        let mut parts = text.split(',');
        let mut attribute = |name: &str| parts.next().and_then(|part| part.strip_prefix(name));
        let nonce = attribute("r=").ok_or(mismatch)?;
        let salt = attribute("s=").ok_or(mismatch)?;
        let rounds = attribute("i=").ok_or(mismatch)?;
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err(mismatch);
        }
        let salt = STANDARD.decode(salt).map_err(|_| mismatch)?;
        if salt.is_empty() {
            return Err(mismatch);
        }
        // A number beyond u32 is a number of rounds too, just an even worse one.
        if rounds.is_empty() || !rounds.bytes().all(|b| b.is_ascii_digit()) {
            return Err(mismatch);
        }
        let rounds =
            rounds.parse().ok().filter(|n| ROUNDS.contains(n)).ok_or(Cause::SCRAM_ROUNDS)?;
        Ok(Challenge {
            hash: self.hash,
            text: text.to_owned(),
            nonce: nonce.to_owned(),
            salt,
            rounds: NonZeroU32::new(rounds).ok_or(Cause::SCRAM_ROUNDS)?,
        })
    }

    /// The message that proves the password, and what the server must answer to it.
    pub(crate) fn prove(&self, challenge: &Challenge, salted: &Salted) -> (String, ServerProof) {
        let algorithm = self.hash.hmac();
        let salted = hmac::Key::new(algorithm, &salted.0);
        let client_key = hmac::sign(&salted, b"Client Key");
        let stored_key = digest::digest(self.hash.digest(), client_key.as_ref());
        let without_proof = format!("c={},r={}", self.binding.proof(), challenge.nonce);
        let auth_message = format!("{},{},{without_proof}", self.bare, challenge.text);
        let stored_key = hmac::Key::new(algorithm, stored_key.as_ref());
        let signature = hmac::sign(&stored_key, auth_message.as_bytes());
        let proof: Vec<u8> =
            client_key.as_ref().iter().zip(signature.as_ref()).map(|(key, s)| key ^ s).collect();
        let server_key = hmac::sign(&salted, b"Server Key");
        let key = hmac::Key::new(algorithm, server_key.as_ref());
        let message = format!("{without_proof},p={}", STANDARD.encode(proof));
        (message, ServerProof { key, auth_message })
    }
}

impl ServerProof {
    /// Checks the server's final message.
    pub(crate) fn check(&self, message: &[u8]) -> Result<(), Cause> {
        let text = std::str::from_utf8(message).map_err(|_| Cause::NOT_THE_PROTOCOL)?;
        let first = text.split(',').next().unwrap_or_default();
        if first.starts_with("e=") {
            return Err(Cause::LOGIN_REJECTED);
        }
        let verifier = first.strip_prefix("v=").ok_or(Cause::NOT_THE_PROTOCOL)?;
        let verifier = STANDARD.decode(verifier).map_err(|_| Cause::NOT_THE_PROTOCOL)?;
        hmac::verify(&self.key, self.auth_message.as_bytes(), &verifier)
            .map_err(|_| Cause::SERVER_UNPROVEN)
    }
}

/// The salted password: worth as much as the password to whoever knows the salt.
pub(crate) struct Salted(Zeroizing<Vec<u8>>);

fn salt_password(hash: Hash, password: &str, salt: &[u8], rounds: NonZeroU32) -> Salted {
    // What SASLprep refuses is taken as it is, as PostgreSQL does.
    let prepared = Zeroizing::new(
        stringprep::saslprep(password).map_or_else(|_| password.to_owned(), |p| p.into_owned()),
    );
    let mut salted = Zeroizing::new(vec![0; hash.digest().output_len()]);
    pbkdf2::derive(hash.pbkdf2(), rounds, salt, prepared.as_bytes(), &mut salted);
    Salted(salted)
}

/// The lane for hashing passwords, so that expensive challenges take turns on a few threads.
pub(crate) struct Hashing(Arc<Semaphore>);

impl Hashing {
    /// At most `threads` computations at a time.
    pub(crate) fn new(threads: usize) -> Self {
        Self(Arc::new(Semaphore::new(threads)))
    }

    /// Salts `password` as the challenge says. When the test ends first, the computation (a second
    /// at the most) finishes unheard, in its place on the lane.
    pub(crate) async fn salt(
        &self,
        password: &str,
        challenge: &Challenge,
    ) -> Result<Salted, Cause> {
        let permit = self.0.clone().acquire_owned().await.map_err(|_| Cause::TIMED_OUT)?;
        let password = Zeroizing::new(password.to_owned());
        let Challenge { hash, ref salt, rounds, .. } = *challenge;
        let salt = salt.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            salt_password(hash, &password, &salt, rounds)
        });
        task.await.map_err(|_| Cause::TIMED_OUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                                s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn exchange() -> Exchange {
        Exchange::with_nonce(Hash::Sha256, Binding::Unsupported, "user", NONCE.to_owned())
    }

    /// The example of RFC 7677, 3.
    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let exchange = exchange();
        assert_eq!(exchange.first_message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let challenge = exchange.challenge(SERVER_FIRST.as_bytes()).expect("valid");
        let salted = salt_password(Hash::Sha256, "pencil", &challenge.salt, challenge.rounds);
        let (message, proof) = exchange.prove(&challenge, &salted);
        assert_eq!(
            message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        let right = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        assert_eq!(proof.check(right), Ok(()));
        assert_eq!(proof.check(b"v=AAAA"), Err(Cause::SERVER_UNPROVEN));
        assert_eq!(proof.check(b"v="), Err(Cause::SERVER_UNPROVEN));
        assert_eq!(proof.check(b"e=invalid-proof"), Err(Cause::LOGIN_REJECTED));
        assert_eq!(proof.check(b""), Err(Cause::NOT_THE_PROTOCOL));
        assert_eq!(proof.check(b"\xff"), Err(Cause::NOT_THE_PROTOCOL));
    }

    /// The example of RFC 5802, 5.
    #[test]
    fn the_older_example_comes_out_with_sha_1() {
        let nonce = "fyko+d2lbbFgONRv9qkxdawL".to_owned();
        let exchange = Exchange::with_nonce(Hash::Sha1, Binding::Unsupported, "user", nonce);
        let first = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
        let challenge = exchange.challenge(first).expect("valid");
        let salted = salt_password(Hash::Sha1, "pencil", &challenge.salt, challenge.rounds);
        let (message, proof) = exchange.prove(&challenge, &salted);
        assert_eq!(
            message,
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
        );
        assert_eq!(proof.check(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), Ok(()));
    }

    #[test]
    fn t09_a_user_name_adds_no_attribute() {
        let exchange = |user| {
            Exchange::with_nonce(Hash::Sha256, Binding::Unsupported, user, "nonce".to_owned())
        };
        assert_eq!(exchange("a,r=b").first_message(), "n,,n=a=2Cr=3Db,r=nonce");
    }

    #[test]
    fn t10_rounds_outside_the_bounds_are_refused_before_hashing() {
        let with_rounds = |rounds: &str| {
            let text = SERVER_FIRST.replace("i=4096", &format!("i={rounds}"));
            exchange().challenge(text.as_bytes()).map(|c| c.rounds.get())
        };
        for (rounds, expected) in [
            ("4096", Ok(4_096)),
            ("600000", Ok(600_000)),
            ("4095", Err(Cause::SCRAM_ROUNDS)),
            ("1", Err(Cause::SCRAM_ROUNDS)),
            ("0", Err(Cause::SCRAM_ROUNDS)),
            ("600001", Err(Cause::SCRAM_ROUNDS)),
            ("4294967295", Err(Cause::SCRAM_ROUNDS)),
            ("99999999999999999999", Err(Cause::SCRAM_ROUNDS)),
            ("-4096", Err(Cause::NOT_THE_PROTOCOL)),
            ("+4096", Err(Cause::NOT_THE_PROTOCOL)),
            ("", Err(Cause::NOT_THE_PROTOCOL)),
        ] {
            assert_eq!(with_rounds(rounds), expected, "{rounds}");
        }
    }

    #[test]
    fn a_challenge_must_carry_our_nonce_and_nothing_mandatory() {
        for text in [
            "",
            "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            // Nothing added to our nonce: a replay of what we sent.
            "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=*,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,i=4096",
        ] {
            let result = exchange().challenge(text.as_bytes()).err();
            assert_eq!(result, Some(Cause::NOT_THE_PROTOCOL), "{text}");
        }
        let long = format!("{SERVER_FIRST},{}", "x".repeat(MAX_MESSAGE));
        assert!(exchange().challenge(long.as_bytes()).is_err());
    }

    #[test]
    fn bindings_are_said_and_proven() {
        assert_eq!(Binding::Unsupported.proof(), "biws");
        assert_eq!(Binding::NotOffered.proof(), "eSws");
        let bound = Binding::EndPoint(vec![1, 2, 3]);
        assert_eq!(bound.proof(), STANDARD.encode(b"p=tls-server-end-point,,\x01\x02\x03"));
    }

    proptest::proptest! {
        #[test]
        fn t10_no_challenge_makes_it_panic(
            rest in ".{0,20}", salt in "[A-Za-z0-9+/=]{0,12}", rounds in "[0-9+-]{0,12}"
        ) {
            let text = format!("r={NONCE}{rest},s={salt},i={rounds}");
            let _ = exchange().challenge(text.as_bytes());
        }

        #[test]
        fn t10_no_last_message_makes_it_panic(
            start in "(v=|e=)?", rest in "[A-Za-z0-9+/=,]{0,64}"
        ) {
            let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
            let proof = ServerProof { key, auth_message: "message".to_owned() };
            assert!(proof.check(format!("{start}{rest}").as_bytes()).is_err());
        }
    }
}
