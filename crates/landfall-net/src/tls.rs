//! TLS of gRPC listeners: certificates from PEM text.

use landfall_model::Problem;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use std::fmt;
use std::sync::Arc;

/// How a listener proves who it is, and whom it lets in.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    /// From PEM text: the server's certificate with those that lead to its root, its private key, and, where clients
    /// must show a certificate, the roots that may have signed it, or are it. TLS 1.2 and 1.3; HTTP/2 is announced.
    ///
    /// # Errors
    /// Invalid argument, saying which of them is no PEM, or does not fit the others.
    pub fn from_pem(chain: &[u8], key: &[u8], client_roots: Option<&[u8]>) -> Result<Tls, Problem> {
        let chain = certificates("server certificate", chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| Problem::invalid(format!("server key: no private key in PEM ({error})")))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let refused = |what: &str, error: &dyn fmt::Display| Problem::invalid(format!("{what}: {error}"));
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| refused("TLS", &error))?;
        let builder = match client_roots {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let known = certificates("roots of client certificates", roots)?;
                let mut store = RootCertStore::empty();
                for root in known.iter().cloned() {
                    store.add(root).map_err(|error| refused("roots of client certificates", &error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider);
                let signed =
                    verifier.build().map_err(|error| refused("roots of client certificates", &error))?;
                builder.with_client_cert_verifier(Arc::new(Clients { known, signed }))
            }
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| refused("server certificate and key", &error))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Tls(Arc::new(config)))
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.0.clone()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Whom a listener lets in that asks for certificates.
#[derive(Debug)]
struct Clients {
    known: Vec<CertificateDer<'static>>,
    /// Those whose certificates lead to one that is known.
    signed: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for Clients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.signed.root_hint_subjects()
    }

    /// A certificate that is itself a known one may be an authority's: `openssl req -x509` makes such by default, and gRPC takes them.
    /// webpki refuses an authority's as a client's own, for which it has no error that is public, after a look at the times
    /// between which it holds, for which it has.
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.signed.verify_client_cert(end_entity, intermediates, now) {
            Err(Error::InvalidCertificate(CertificateError::Other(_))) if self.known.contains(end_entity) => {
                Ok(ClientCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| Problem::invalid(format!("{what}: no PEM ({error})")))?;
    match read.is_empty() {
        true => Err(Problem::invalid(format!("{what}: no certificate in PEM"))),
        false => Ok(read),
    }
}

/// Fuzz body: no text panics, and what is taken has a certificate and a key in it.
pub(crate) fn fuzz(bytes: &[u8]) {
    if Tls::from_pem(bytes, bytes, Some(bytes)).is_ok() {
        let text = String::from_utf8_lossy(bytes);
        assert!(text.contains("CERTIFICATE") && text.contains("PRIVATE KEY"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pem_is_refused_by_name() {
        let problem = Tls::from_pem(b"nothing", b"nothing", None).unwrap_err().to_string();
        assert!(problem.contains("server certificate: no certificate"), "{problem}");
        let broken = b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
        let problem = Tls::from_pem(broken, b"", None).unwrap_err().to_string();
        assert!(problem.contains("server certificate: no PEM"), "{problem}");
        let unfit = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let problem = Tls::from_pem(unfit, b"", None).unwrap_err().to_string();
        assert!(problem.contains("server key"), "{problem}");
    }

    #[test]
    fn bounded_fuzzing_of_pem() {
        for text in ["", "-----BEGIN CERTIFICATE-----", "-----BEGIN X-----\nAA==\n-----END X-----", "\0\r\n"]
        {
            fuzz(text.as_bytes());
        }
    }
}
