//! What is read of a certificate (X.509, DER) besides what rustls reads.

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// The public key of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PublicKey<'a> {
    /// The whole SubjectPublicKeyInfo.
    pub(crate) info: &'a [u8],
    /// Content of its AlgorithmIdentifier.
    pub(crate) algorithm: &'a [u8],
    /// The key itself.
    pub(crate) key: &'a [u8],
}

/// The object identifier of the algorithm that a certificate is signed with.
pub(crate) fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    // Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID … } … }
    let (content, _) = element(certificate, SEQUENCE)?;
    let (_, after_tbs) = element(content, SEQUENCE)?;
    let (algorithm, _) = element(after_tbs, SEQUENCE)?;
    Some(element(algorithm, OBJECT_IDENTIFIER)?.0)
}

/// The public key of a certificate of version 1, which `openssl x509 -req` makes unless it is told
/// otherwise, and MariaDB 11.4 for itself; `None` for any other.
pub(crate) fn key_of_version_1(certificate: &[u8]) -> Option<PublicKey<'_>> {
    // TBSCertificate ::= SEQUENCE { serialNumber INTEGER, signature, issuer, validity, subject,
    // subjectPublicKeyInfo }; later versions begin with their number.
    let (content, _) = element(certificate, SEQUENCE)?;
    let (tbs, _) = element(content, SEQUENCE)?;
    let (_, mut rest) = element(tbs, INTEGER)?;
    for _ in 0..4 {
        rest = element(rest, SEQUENCE)?.1;
    }
    let (content, after) = element(rest, SEQUENCE)?;
    let info = &rest[..rest.len() - after.len()];
    let (algorithm, key) = element(content, SEQUENCE)?;
    // The first byte counts the bits that are not used, of which a key has none.
    let (key, _) = element(key, BIT_STRING)?;
    Some(PublicKey { info, algorithm, key: key.strip_prefix(&[0])? })
}

/// Content of the element at the front of `bytes`, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [first, length, rest @ ..] = bytes else { return None };
    if *first != tag {
        return None;
    }
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(long - 0x80))?;
            (digits.iter().fold(0, |n, digit| (n << 8) | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("short");
        [&[tag, length], content].concat()
    }

    /// A certificate of version 1 with a key of two bytes.
    fn version_1() -> Vec<u8> {
        let algorithm = der(SEQUENCE, &der(OBJECT_IDENTIFIER, b"\x2a"));
        let info = der(SEQUENCE, &[&algorithm[..], &der(BIT_STRING, b"\0ab")].concat());
        let (serial, empty) = (der(INTEGER, b"\x07"), der(SEQUENCE, b""));
        let tbs = [&serial, &algorithm, &empty, &empty, &empty, &info].map(|d| &d[..]);
        let tbs = der(SEQUENCE, &tbs.concat());
        der(SEQUENCE, &[&tbs[..], &algorithm, &der(BIT_STRING, b"\0s")].concat())
    }

    #[test]
    fn the_key_of_version_1_is_found() {
        let certificate = version_1();
        let found = key_of_version_1(&certificate).expect("a key");
        assert_eq!((found.algorithm, found.key), (&b"\x06\x01\x2a"[..], &b"ab"[..]));
        assert_eq!(found.info, b"\x30\x0a\x30\x03\x06\x01\x2a\x03\x03\0ab");
        assert_eq!(signature_algorithm(&certificate), Some(&b"\x2a"[..]));
        let parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("names");
        let key = rcgen::KeyPair::generate().expect("a key");
        let newer = parameters.self_signed(&key).expect("a certificate");
        assert_eq!(key_of_version_1(newer.der()), None);
    }

    #[test]
    fn t10_damaged_certificates_are_no_panic() {
        let whole = version_1();
        for end in 0..whole.len() {
            assert_eq!(key_of_version_1(&whole[..end]), None);
            assert_eq!(signature_algorithm(&whole[..end]), None);
        }
        for length in [0x80, 0x84, 0x85, 0xff] {
            assert_eq!(key_of_version_1(&[SEQUENCE, length, 0xff, 0xff, 0xff, 0xff, 0]), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn t10_no_bytes_make_it_panic(
            changes in proptest::collection::vec((0_usize..48, 0_u8..), 0..4)
        ) {
            let mut certificate = version_1();
            for (at, byte) in changes {
                if let Some(place) = certificate.get_mut(at) {
                    *place = byte;
                }
            }
            let _ = (key_of_version_1(&certificate), signature_algorithm(&certificate));
        }
    }
}
