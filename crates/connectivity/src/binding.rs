//! Channel binding of the kind `tls-server-end-point` (RFC 5929, 4): ties a login to the
//! certificate that the client saw, so that nobody in between can pass it on.

use crate::certificate::signature_algorithm;
use ring::digest;

/// Signature algorithms of certificates (object identifiers, DER) with the hash that belongs to
/// the binding: the signature's own, with SHA-256 in place of MD5 and SHA-1.
const HASHES: [(&[u8], &digest::Algorithm); 9] = [
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4], &digest::SHA256), // md5WithRSAEncryption
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5], &digest::SHA256), // sha1WithRSAEncryption
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11], &digest::SHA256), // sha256WithRSAEncryption
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12], &digest::SHA384), // sha384WithRSAEncryption
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13], &digest::SHA512), // sha512WithRSAEncryption
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1], &digest::SHA256),          // ecdsa-with-SHA1
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2], &digest::SHA256),       // ecdsa-with-SHA256
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3], &digest::SHA384),       // ecdsa-with-SHA384
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4], &digest::SHA512),       // ecdsa-with-SHA512
];

/// The binding's content for a certificate (DER); `None` when its signature has no single hash
/// (RSA-PSS, Ed25519), for which the binding is not defined.
pub(crate) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let identifier = signature_algorithm(certificate)?;
    let (_, hash) = HASHES.iter().find(|(oid, _)| *oid == identifier)?;
    Some(digest::digest(hash, certificate).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_follows_the_signature() {
        for (algorithm, length) in
            [(&rcgen::PKCS_ECDSA_P256_SHA256, 32), (&rcgen::PKCS_ECDSA_P384_SHA384, 48)]
        {
            let key = rcgen::KeyPair::generate_for(algorithm).expect("a key");
            let parameters =
                rcgen::CertificateParams::new(["localhost".to_owned()]).expect("names");
            let certificate = parameters.self_signed(&key).expect("a certificate");
            let binding = end_point(certificate.der()).expect("has a hash");
            assert_eq!(binding.len(), length);
        }
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
        let parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("names");
        assert_eq!(end_point(parameters.self_signed(&key).expect("a certificate").der()), None);
    }

    #[test]
    fn t10_damaged_certificates_are_no_panic() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("names");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        let whole = certificate.der();
        for end in 0..whole.len() {
            assert_eq!(end_point(&whole[..end]), None);
        }
    }
}
