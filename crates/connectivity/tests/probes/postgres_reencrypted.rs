//! A real PostgreSQL behind something that ends TLS and begins another.

use crate::support::{ENOUGH, Fake, PASSWORD, assert_failed, database, login, place, spec, test};
use crate::tls::untrusted;
use datastore_domain::{ChannelBinding, ConnectSpec, FailureCode, Step, System, TlsMode};
use datastore_testkit::live;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client, server};

/// The request for TLS, and the word that it is welcome.
const REQUEST: &[u8; 8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const WELCOME: &[u8; 1] = b"S";

/// To the real server, whose certificate is checked.
#[expect(clippy::disallowed_methods, reason = "a proxy of the test, not a test of a connection")]
async fn far(port: u16) -> client::TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(live("TEST_CA_FILE")).expect("a CA");
    roots.add(authority).expect("a CA");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the server is up");
    stream.write_all(REQUEST).await.expect("heard");
    let mut answer = [0; 1];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, WELCOME);
    let name = "localhost".try_into().expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS")
}

/// From the test, with a certificate of its own.
async fn near(mut stream: TcpStream) -> server::TlsStream<TcpStream> {
    let mut request = [0; 8];
    stream.read_exact(&mut request).await.expect("a request");
    assert_eq!(&request, REQUEST);
    stream.write_all(WELCOME).await.expect("heard");
    untrusted().accept(stream).await.expect("TLS")
}

async fn reencrypting(port: u16) -> Fake {
    Fake::start(move |stream| async move {
        let (mut near, mut far) = (near(stream).await, far(port).await);
        let _ = copy_bidirectional(&mut near, &mut far).await;
    })
    .await
}

/// A login that is bound to the certificate is refused there, whatever the password; one that the
/// record says is not to be bound gets through, and is judged by its password.
#[tokio::test]
async fn t08_a_login_is_bound_to_the_certificate_unless_the_record_says_otherwise_live() {
    let (_, port, name) = place(&live("TEST_POSTGRES_URL"));
    let proxy = reencrypting(port).await;
    let record = |channel_binding, password| ConnectSpec {
        channel_binding,
        credentials: login(Some("app_user"), Some(password)),
        database: database(&name, System::Postgres),
        tls: TlsMode::Require,
        ..spec(System::Postgres, "127.0.0.1", proxy.address.port())
    };
    for binding in [ChannelBinding::Prefer, ChannelBinding::Require] {
        let report = test(&record(binding, PASSWORD), ENOUGH).await;
        let message = assert_failed(&report, Step::Authenticate, FailureCode::TlsFailed);
        assert!(message.contains("channel_binding=disable"), "{message}");
        // A wrong password is one there, too.
        let report = test(&record(binding, "wrong"), ENOUGH).await;
        assert!(report.result.is_err());
    }
    let report = test(&record(ChannelBinding::Disable, PASSWORD), ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    let report = test(&record(ChannelBinding::Disable, "wrong"), ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
}
