//! TLS against servers with certificates of all kinds.

use crate::support::{ENOUGH, Fake, FixedClock, assert_failed, host, saying, test_with};
use datastore_connectivity::{CaFileError, ProbeSettings, Probes, ProbesError};
use datastore_domain::{ConnectSpec, FailureCode, Step, System, TlsMode};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData as _};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

fn ca(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    let pem = parameters.self_signed(&key).expect("a certificate").pem();
    (pem, Issuer::new(parameters, key))
}

/// TLS with a certificate for `name` as `change` makes it.
fn acceptor(
    issuer: &Issuer<'static, KeyPair>,
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> TlsAcceptor {
    let mut parameters = CertificateParams::new([name.to_owned()]).expect("a name");
    change(&mut parameters);
    let key = KeyPair::generate().expect("a key");
    let certificate = parameters.signed_by(&key, issuer).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a usable key");
    TlsAcceptor::from(Arc::new(config))
}

/// TLS with a certificate that nobody trusts.
pub(crate) fn untrusted() -> TlsAcceptor {
    acceptor(&ca("nobody").1, "localhost", |_| {})
}

/// A Redis without a password over TLS, with a certificate as `change` makes it.
async fn server(
    issuer: &Issuer<'static, KeyPair>,
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> Fake {
    redis(acceptor(issuer, name, change)).await
}

/// A Redis without a password over TLS.
async fn redis(acceptor: TlsAcceptor) -> Fake {
    Fake::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut buffer = [0; 1024];
            for reply in [&b"+PONG\r\n"[..], b"+PONG\r\n$-1\r\n"] {
                let Ok(1..) = stream.read(&mut buffer).await else { return };
                let _ = stream.write_all(reply).await;
            }
            let _ = stream.read(&mut buffer).await;
        }
    })
    .await
}

fn spec(fake: &Fake, name: &str, tls: TlsMode) -> ConnectSpec {
    let mut spec = ConnectSpec { credentials: None, tls, ..fake.spec(System::Redis) };
    spec.endpoints[0].host = host(name);
    spec
}

fn trusting(pem: &str) -> ProbeSettings {
    ProbeSettings { ca_pem: Some(pem.as_bytes().to_vec()), ..ProbeSettings::default() }
}

#[tokio::test]
async fn a_good_certificate_is_accepted() {
    let (pem, issuer) = ca("one");
    for name in ["127.0.0.1", "localhost"] {
        let fake = server(&issuer, name, |_| {}).await;
        let verified = spec(&fake, name, TlsMode::VerifyFull);
        let report = test_with(trusting(&pem), &verified, ENOUGH).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
        assert_eq!(report.tls_used, Some(true));
    }
}

#[tokio::test]
async fn each_fault_of_a_certificate_is_named() {
    let (pem, issuer) = ca("one");
    let (_, stranger) = ca("two");
    let year = |year| rcgen::date_time_ymd(year, 1, 1);
    let past = |p: &mut CertificateParams| (p.not_before, p.not_after) = (year(2019), year(2020));
    let future = |p: &mut CertificateParams| p.not_before = year(2090);
    for (fake, word) in [
        (server(&issuer, "127.0.0.1", past).await, "expired"),
        (server(&issuer, "127.0.0.1", future).await, "not valid yet"),
        (server(&stranger, "127.0.0.1", |_| {}).await, "unknown CA"),
        (server(&issuer, "127.0.0.2", |_| {}).await, "another host name"),
        (server(&issuer, "db.example.com", |_| {}).await, "another host name"),
    ] {
        let verified = spec(&fake, "127.0.0.1", TlsMode::VerifyFull);
        let report = test_with(trusting(&pem), &verified, ENOUGH).await;
        let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
        assert!(message.contains(word), "{message}");
        // Encrypted with whoever answers: `require` says no more than that.
        let required = spec(&fake, "127.0.0.1", TlsMode::Require);
        let report = test_with(trusting(&pem), &required, ENOUGH).await;
        assert!(report.result.is_ok(), "{word}: {:?}", report.result);
    }
}

/// A certificate of version 1 for `key`, signed by nobody.
fn version_1(key: &KeyPair) -> CertificateDer<'static> {
    let der = |tag: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).expect("short");
        [&[tag, 0x81, length], content].concat()
    };
    let (integer, bits, sequence) = (0x02, 0x03, 0x30);
    // ecdsa-with-SHA256.
    let algorithm = der(sequence, b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02");
    let time = [0x17, 13].into_iter().chain(*b"300101000000Z").collect::<Vec<u8>>();
    let validity = der(sequence, &[&time[..], &time].concat());
    let (serial, name) = (der(integer, &[1]), der(sequence, b""));
    let info = key.subject_public_key_info();
    let content = [&serial[..], &algorithm, &name, &validity, &name, &info].concat();
    let signature = der(bits, b"\0signed by nobody");
    let content = [&der(sequence, &content)[..], &algorithm, &signature].concat();
    der(sequence, &content).into()
}

/// Many servers made theirs for themselves, in the first version of the format. Whoever asks for no
/// check of it is encrypted; that it is the server's own key is seen to all the same.
#[tokio::test]
async fn certificates_of_version_1_are_for_those_who_check_none() {
    let (own, other) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (certified, is_its_own) in [(&own, true), (&other, false)] {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.serialize_der()));
            let key = provider.key_provider.load_private_key(key).expect("a key");
            let certified = CertifiedKey::new(vec![version_1(certified)], key);
            let config = rustls::ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&[version])
                .expect("a version")
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
            let fake = redis(TlsAcceptor::from(Arc::new(config))).await;
            let required = spec(&fake, "127.0.0.1", TlsMode::Require);
            let report = test_with(ProbeSettings::default(), &required, ENOUGH).await;
            if is_its_own {
                assert!(report.result.is_ok(), "{version:?}: {:?}", report.result);
            } else {
                assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
            }
            let verified = spec(&fake, "127.0.0.1", TlsMode::VerifyFull);
            let report = test_with(ProbeSettings::default(), &verified, ENOUGH).await;
            let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
            assert!(message.contains("version 3"), "{message}");
        }
    }
}

/// Not a byte goes to a server that would be asked for less than the operator demands.
#[tokio::test]
async fn t08_less_than_the_minimum_is_not_tried() {
    for (tls, is_tried) in [
        (TlsMode::Disable, false),
        (TlsMode::Prefer, false),
        (TlsMode::Require, true),
        (TlsMode::VerifyFull, true),
    ] {
        let (fake, mut heard) = saying(Vec::new()).await;
        let settings = ProbeSettings { tls_minimum: TlsMode::Require, ..ProbeSettings::default() };
        let spec = ConnectSpec { tls, ..fake.spec(System::Redis) };
        let report = test_with(settings, &spec, Duration::from_millis(200)).await;
        match is_tried {
            true => drop(assert_failed(&report, Step::Tls, FailureCode::Timeout)),
            false => {
                let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
                assert!(message.contains("connectivity.tls.minimum"), "{message}");
            }
        }
        assert_eq!(!heard.all().await.is_empty(), is_tried, "{tls}");
    }
}

#[test]
fn a_ca_file_that_is_none_is_refused_at_the_start() {
    let start = |pem: &[u8]| {
        let settings = ProbeSettings { ca_pem: Some(pem.to_vec()), ..ProbeSettings::default() };
        Probes::new(settings, Arc::new(FixedClock)).err()
    };
    assert!(matches!(start(b""), Some(ProbesError::CaFile(CaFileError::Empty))));
    assert!(matches!(start(b"not PEM"), Some(ProbesError::CaFile(CaFileError::Empty))));
    let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    assert!(matches!(start(broken), Some(ProbesError::CaFile(CaFileError::Pem(_)))));
    let no_ca = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(start(no_ca), Some(ProbesError::CaFile(CaFileError::Certificate(_)))));
}
