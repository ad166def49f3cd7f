//! TLS 1.3 configurations, one for each profile, and verifiers that pass every certificate to [`identify()`].
//!
//! A verifier refers to the trust store, not to a snapshot, so that a change of trust takes effect at the next handshake without
//! rebuilding the configuration. Resumption, tickets and early data are disabled on both sides, because a resumed session
//! presents no certificate.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::aws_lc_rs as provider;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
};

use super::{
    AuthorityCertificate, CertificateAlgorithm, CertificateFault, CertificateKey, Group, Identity, NodeCertificate,
    ProfileName, Suite, TrustStore, identify,
};
use crate::ident::{NodeId, PartnerId};
use crate::log_limiter::LogLimiter;
use crate::time::Clock;
use crate::wire::ALPN;

/// A node certificate with its private key, for TLS handshakes of one profile.
#[derive(Clone)]
pub struct Credential {
    profile: ProfileName,
    certificate: NodeCertificate,
    certified: Arc<CertifiedKey>,
}

/// Why a certificate and a key cannot be used as a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialFault {
    /// The certificate does not conform to the profile, so no partner would accept it.
    #[error("this node's certificate is not acceptable: {0}")]
    Certificate(#[from] CertificateFault),
    /// The key does not belong to the certificate, or the TLS library cannot use it.
    #[error(
        "the private key does not belong to the certificate: check that both files are of one pair, or make a new pair with `cert renew`"
    )]
    Key,
}

impl Credential {
    /// Combines a node's certificate (DER), checked exactly as partners check it, with its key.
    ///
    /// # Errors
    /// [`CredentialFault`] if the certificate is not acceptable or the key is another's.
    pub fn new(
        profile: ProfileName,
        authority: &AuthorityCertificate,
        node: &NodeId,
        certificate: &[u8],
        key: &CertificateKey,
    ) -> Result<Credential, CredentialFault> {
        let certificate = NodeCertificate::parse(certificate, authority, node, profile.profile())?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8()));
        let signing = provider::sign::any_supported_type(&der).map_err(|_| CredentialFault::Key)?;
        let certified = CertifiedKey::new(vec![CertificateDer::from(certificate.der().to_vec())], signing);
        certified.keys_match().map_err(|_| CredentialFault::Key)?;
        Ok(Credential { profile, certificate, certified: Arc::new(certified) })
    }

    /// The profile that the credential is for.
    pub fn profile(&self) -> ProfileName {
        self.profile
    }

    /// The certificate.
    pub fn certificate(&self) -> &NodeCertificate {
        &self.certificate
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, {})", self.profile, self.certificate.fingerprint().short())
    }
}

/// The credentials in use, at most one for each profile. Replaced as a whole, without a restart.
#[derive(Debug)]
pub struct CredentialStore(ArcSwap<BTreeMap<ProfileName, Credential>>);

impl CredentialStore {
    /// Creates a store of these credentials; of two for one profile the later is used.
    pub fn new(credentials: impl IntoIterator<Item = Credential>) -> CredentialStore {
        CredentialStore(ArcSwap::from_pointee(by_profile(credentials)))
    }

    /// Replaces all credentials; new handshakes use these.
    pub fn replace(&self, credentials: impl IntoIterator<Item = Credential>) {
        self.0.store(Arc::new(by_profile(credentials)));
    }

    /// The credential for a profile, if there is one.
    pub fn credential(&self, profile: ProfileName) -> Option<Credential> {
        self.0.load().get(&profile).cloned()
    }
}

fn by_profile(credentials: impl IntoIterator<Item = Credential>) -> BTreeMap<ProfileName, Credential> {
    credentials.into_iter().map(|c| (c.profile, c)).collect()
}

/// The TLS library rejected a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the TLS configuration for profile `{profile}` was refused: {problem}")]
pub struct TlsFault {
    /// The profile.
    pub profile: ProfileName,
    /// The message of the TLS library.
    pub problem: String,
}

/// Creates the configuration of a listener for one profile. It uses the algorithms of that profile and accepts the partners of
/// that profile only.
///
/// # Errors
/// [`TlsFault`] if the TLS library rejects it.
pub fn server_config(
    profile: ProfileName,
    credentials: &Arc<CredentialStore>,
    trust: &Arc<TrustStore>,
    clock: &Arc<dyn Clock>,
) -> Result<ServerConfig, TlsFault> {
    let verifier = PartnerVerifier::new(profile, None, trust, clock);
    let resolver = CredentialResolver { profile, credentials: credentials.clone() };
    let mut config = ServerConfig::builder_with_provider(Arc::new(crypto(profile)))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| TlsFault { profile, problem: e.to_string() })?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

/// Creates the configuration for dialling `partner` with one profile. It accepts no other peer.
///
/// # Errors
/// [`TlsFault`] if the TLS library rejects it.
pub fn client_config(
    profile: ProfileName,
    partner: &PartnerId,
    credentials: &Arc<CredentialStore>,
    trust: &Arc<TrustStore>,
    clock: &Arc<dyn Clock>,
) -> Result<ClientConfig, TlsFault> {
    let verifier = PartnerVerifier::new(profile, Some(partner), trust, clock);
    let resolver = CredentialResolver { profile, credentials: credentials.clone() };
    let mut config = ClientConfig::builder_with_provider(Arc::new(crypto(profile)))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| TlsFault { profile, problem: e.to_string() })?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    // The server name is readable by anybody on the path and would reveal the partner.
    config.enable_sni = false;
    Ok(config)
}

/// The cipher suite of QUIC Initial packets (RFC 9001, section 5.2). Their keys are public, so profiles do not name it.
pub fn initial_suite() -> rustls::quic::Suite {
    // INVARIANT: the provider's AES-128 suite supports QUIC.
    provider::cipher_suite::TLS13_AES_128_GCM_SHA256
        .tls13()
        .and_then(|suite| suite.quic_suite())
        .expect("the provider's AES-128-GCM suite is a QUIC suite")
}

/// Passes every certificate to [`identify()`], and accepts handshake signatures of the profile's algorithm only.
struct PartnerVerifier {
    profile: ProfileName,
    /// The partner that was dialled; `None` on a listener, which accepts any.
    expected: Option<PartnerId>,
    trust: Arc<TrustStore>,
    clock: Arc<dyn Clock>,
    log: LogLimiter,
}

impl PartnerVerifier {
    fn new(
        profile: ProfileName,
        expected: Option<&PartnerId>,
        trust: &Arc<TrustStore>,
        clock: &Arc<dyn Clock>,
    ) -> Arc<PartnerVerifier> {
        let (expected, trust, clock, log) = (expected.cloned(), trust.clone(), clock.clone(), LogLimiter::default());
        Arc::new(PartnerVerifier { profile, expected, trust, clock, log })
    }

    fn check(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Error> {
        let chain: Vec<&[u8]> = std::iter::once(leaf).chain(others).map(|c| c.as_ref()).collect();
        let refused = || Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
        // The peer receives the error in CONNECTION_CLOSE, so it is the same for every reason.
        match identify(&chain, &self.trust.current(), self.clock.now()) {
            Ok(identity) if self.is_expected(&identity) => Ok(()),
            Ok(identity) => {
                if let Some(suppressed) = self.log.admit(identity.partner.as_str(), "other partner", self.clock.now()) {
                    tracing::warn!(
                        partner.id = %identity.partner,
                        partner.profile = %identity.profile,
                        connection.profile = %self.profile,
                        suppressed,
                        "refused a certificate: another partner's, or of another profile than the connection's"
                    );
                }
                Err(refused())
            }
            Err(refusal) => {
                if let Some(suppressed) = self.log.admit(&refusal.to_string(), "refused", self.clock.now()) {
                    tracing::warn!(reason = %refusal, connection.profile = %self.profile, suppressed, "refused a certificate");
                }
                Err(refused())
            }
        }
    }

    fn is_expected(&self, identity: &Identity) -> bool {
        identity.profile == self.profile && self.expected.as_ref().is_none_or(|e| *e == identity.partner)
    }
}

impl fmt::Debug for PartnerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartnerVerifier({}, {:?})", self.profile, self.expected)
    }
}

/// Defines the methods that [`ClientCertVerifier`] and [`ServerCertVerifier`] share. Handshake signatures are verified with the
/// profile's algorithm only.
macro_rules! handshake_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(Error::General("TLS 1.2 is not supported".into()))
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, certificate, signature, algorithms(self.profile))
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            algorithms(self.profile).mapping.iter().map(|(scheme, _)| *scheme).collect()
        }
    };
}

impl ClientCertVerifier for PartnerVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A list of the trusted authorities would reveal our partners to anybody who connects.
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(leaf, others).map(|()| ClientCertVerified::assertion())
    }

    handshake_signatures!();
}

impl ServerCertVerifier for PartnerVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(leaf, others).map(|()| ServerCertVerified::assertion())
    }

    handshake_signatures!();
}

/// Presents the current credential for one profile, if the peer can verify it.
#[derive(Debug)]
struct CredentialResolver {
    profile: ProfileName,
    credentials: Arc<CredentialStore>,
}

impl CredentialResolver {
    fn certified(&self, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let ours = algorithms(self.profile).mapping.iter().any(|(scheme, _)| schemes.contains(scheme));
        if ours { self.credentials.credential(self.profile).map(|c| c.certified) } else { None }
    }
}

impl ResolvesServerCert for CredentialResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certified(hello.signature_schemes())
    }
}

impl ResolvesClientCert for CredentialResolver {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.certified(schemes)
    }

    fn has_certs(&self) -> bool {
        self.credentials.credential(self.profile).is_some()
    }
}

fn crypto(profile: ProfileName) -> CryptoProvider {
    let suite = |s: &Suite| match s {
        Suite::Aes256GcmSha384 => provider::cipher_suite::TLS13_AES_256_GCM_SHA384,
    };
    let group = |g: &Group| -> &'static dyn SupportedKxGroup {
        match g {
            Group::MlKem1024 => provider::kx_group::MLKEM1024,
            Group::X25519MlKem768 => provider::kx_group::X25519MLKEM768,
            Group::Secp384r1 => provider::kx_group::SECP384R1,
        }
    };
    CryptoProvider {
        cipher_suites: profile.profile().cipher_suites().iter().map(suite).collect(),
        kx_groups: profile.profile().groups().iter().map(group).collect(),
        signature_verification_algorithms: *algorithms(profile),
        ..provider::default_provider()
    }
}

fn algorithms(profile: ProfileName) -> &'static WebPkiSupportedAlgorithms {
    static P384: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
        all: &[webpki::aws_lc_rs::ECDSA_P384_SHA384],
        mapping: &[(SignatureScheme::ECDSA_NISTP384_SHA384, &[webpki::aws_lc_rs::ECDSA_P384_SHA384])],
    };
    static ML_DSA_87: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
        all: &[webpki::aws_lc_rs::ML_DSA_87],
        mapping: &[(SignatureScheme::ML_DSA_87, &[webpki::aws_lc_rs::ML_DSA_87])],
    };
    match profile.profile().algorithm() {
        CertificateAlgorithm::P384 => &P384,
        CertificateAlgorithm::MlDsa87 => &ML_DSA_87,
    }
}
