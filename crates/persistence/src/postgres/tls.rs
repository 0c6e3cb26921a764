//! TLS to the server, as `sslmode` of the URL says.

use super::wire::{Tap, Wire};
use crate::error::Reason;
use crate::url::TlsMode;
use datastore_ports::Cause;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What makes TLS of connections. Without verification, as libpq has it for `prefer` and `require`,
/// whoever stands between with TLS of their own can read along.
pub(super) fn connector(mode: TlsMode, ca_pem: Option<&[u8]>) -> Result<MakeRustlsConnect, Cause> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?;
    // With an authority at hand, `require` checks too: as libpq does.
    let roots = match (mode, ca_pem) {
        (TlsMode::Disable | TlsMode::Prefer, _) | (TlsMode::Require, None) => None,
        (TlsMode::Require | TlsMode::VerifyFull, Some(pem)) => Some(roots_of(pem)?),
        (TlsMode::VerifyFull, None) => Some(roots_of_the_system()?),
    };
    let config = match roots {
        Some(roots) => builder.with_root_certificates(roots).with_no_client_auth(),
        None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn roots_of(pem: &[u8]) -> Result<RootCertStore, Cause> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate?)?;
    }
    if roots.is_empty() {
        return Err(Reason("database.tls_ca_file holds no certificate").into());
    }
    Ok(roots)
}

fn roots_of_the_system() -> Result<RootCertStore, Cause> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let reason = "the system has no certificate authorities; set database.tls_ca_file";
        return Err(Reason(reason).into());
    }
    Ok(roots)
}

/// TLS for one connection to `host`, with a tap inside.
pub(super) struct Secured {
    connector: MakeRustlsConnect,
    host: String,
    wire: Arc<Wire>,
}

impl Secured {
    pub(super) fn new(connector: &MakeRustlsConnect, host: &str, wire: &Arc<Wire>) -> Self {
        Self { connector: connector.clone(), host: host.to_owned(), wire: wire.clone() }
    }
}

impl<S> TlsConnect<S> for Secured
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Tap<<MakeRustlsConnect as MakeTlsConnect<S>>::Stream>;
    type Error = Cause;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Cause>> + Send>>;

    fn connect(mut self, stream: S) -> Self::Future {
        Box::pin(async move {
            let connect = MakeTlsConnect::<S>::make_tls_connect(&mut self.connector, &self.host)?;
            Ok(Tap::on_messages(connect.connect(stream).await?, self.wire))
        })
    }
}

/// Accepts every certificate: encrypted, not verified. That the server holds the certificate's key
/// is still checked.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
