//! What a listener refuses, tested with independent clients that can have any keys and send anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{self, Keys, NOW, Node, link_to, snapshot, within};
use portcullis::edge::EdgeTuning;
use portcullis::partner::Limits;
use portcullis::pki::{
    self, CertificateKey, Credential, PartnerTrust, ProfileName, TrustSnapshot, TrustStanding, TrustStore,
};
use portcullis::time::{Clock, FixedClock};
use portcullis::wire::{Extension, Frame, FrameReader, Goodbye, Hello, Ping, RefusalCode, SessionTimers};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, ConnectionError, Endpoint, RecvStream, SendStream};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, ResolvesClientCert, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, ClientConfig, DigitallySignedStruct, NamedGroup, SignatureScheme, SupportedCipherSuite};

const FAST: ProfileName = ProfileName::Classical;

/// A node with one partner, `exercise-gbr`, and that partner's keys, which the tests misuse.
struct Scene {
    node: Node,
    gbr: Keys,
}

impl Scene {
    async fn new(profile: ProfileName) -> Scene {
        let tuning = EdgeTuning {
            session: SessionTimers { hello: Duration::from_millis(300), ..SessionTimers::default() },
            // A refused attempt is followed by a good one from the same address.
            attempts_burst: 1000,
            ..EdgeTuning::default()
        };
        let gbr = Keys::new("exercise-gbr", profile);
        let node = Node::start_tuned(Keys::new("exercise-usa", profile), [gbr.trust()], tuning).await;
        node.edge.apply_partners(BTreeMap::from([(gbr.name.clone(), link_to(None, Limits::default()))]));
        Scene { node, gbr }
    }

    fn client(&self) -> Client {
        Client::new(&self.gbr)
    }

    fn hello(&self) -> Hello {
        hello_of("exercise-gbr")
    }

    /// Connects and sends a valid Hello, as the partner itself would.
    async fn attempt(&self, client: &Client) -> Result<Control, ConnectionError> {
        let control = client.open(&self.node).await?;
        control.greet(Frame::Hello(self.hello())).await
    }

    /// Checks that the partner itself can still connect, so that the refusal before was not of everything.
    async fn still_lets_the_partner_in(&self) {
        assert!(within(self.attempt(&self.client())).await.is_ok(), "the partner itself was refused");
    }
}

fn hello_of(node: &str) -> Hello {
    Hello {
        version: 2,
        node: node.parse().unwrap(),
        boot: [9; 16],
        data_bytes_max: 256 * 1024,
        exchanges_max: 4,
        extensions: Vec::new(),
    }
}

/// A QUIC client that accepts any server and presents the given certificate.
struct Client {
    tls: ClientConfig,
}

impl Client {
    fn new(keys: &Keys) -> Client {
        Client::with(keys.profile, Some((keys.issued.certificate.der(), &keys.issued.key)))
    }

    fn with(profile: ProfileName, presents: Option<(&[u8], &CertificateKey)>) -> Client {
        let group: &'static dyn SupportedKxGroup = match profile {
            ProfileName::Cnsa2 => aws_lc_rs::kx_group::MLKEM1024,
            ProfileName::Hybrid => aws_lc_rs::kx_group::X25519MLKEM768,
            ProfileName::Classical => aws_lc_rs::kx_group::SECP384R1,
        };
        Client::with_group(group, presents)
    }

    fn with_group(group: &'static dyn SupportedKxGroup, presents: Option<(&[u8], &CertificateKey)>) -> Client {
        Client::with_only(group, None, presents)
    }

    /// A client that offers this group, and only these suites if any are given.
    fn with_only(
        group: &'static dyn SupportedKxGroup,
        suites: Option<Vec<SupportedCipherSuite>>,
        presents: Option<(&[u8], &CertificateKey)>,
    ) -> Client {
        let usual = aws_lc_rs::default_provider();
        let cipher_suites = suites.unwrap_or_else(|| usual.cipher_suites.clone());
        let provider = CryptoProvider { kx_groups: vec![group], cipher_suites, ..usual };
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trusting));
        let mut tls = match presents {
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from(certificate.to_vec())],
                    PrivatePkcs8KeyDer::from(key.pkcs8().to_vec()).into(),
                )
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        tls.alpn_protocols = vec![b"portcullis/2".to_vec()];
        Client { tls }
    }

    async fn connect(&self, node: &Node) -> Result<Connection, ConnectionError> {
        let crypto = QuicClientConfig::with_initial(Arc::new(self.tls.clone()), pki::initial_suite()).unwrap();
        let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        let mut transport = quinn::TransportConfig::default();
        transport.crypto_buffer_size(128 * 1024);
        config.transport_config(Arc::new(transport));
        let connecting = endpoint.connect_with(config, node.address(), "node.portcullis.invalid").unwrap();
        within(connecting).await
    }

    async fn open(&self, node: &Node) -> Result<Control, ConnectionError> {
        let connection = self.connect(node).await?;
        let (send, receive) = connection.open_bi().await?;
        Ok(Control { connection, send, receive, reader: FrameReader::new(1024) })
    }
}

struct Control {
    connection: Connection,
    send: SendStream,
    receive: RecvStream,
    reader: FrameReader,
}

impl Control {
    /// Sends one frame and waits for the node's Hello, or for the reason there is none.
    async fn greet(mut self, frame: Frame) -> Result<Control, ConnectionError> {
        self.send_bytes(&frame.encode()).await;
        match self.next().await {
            Some(Frame::Hello(_)) => Ok(self),
            _ => Err(self.closed().await),
        }
    }

    async fn send_bytes(&mut self, bytes: &[u8]) {
        // The node may have closed already; the test checks the code.
        let _ = self.send.write_all(bytes).await;
    }

    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.reader.next().unwrap() {
                return Some(frame);
            }
            let chunk = within(self.receive.read_chunk(4096, true)).await.ok()??;
            self.reader.push(&chunk.bytes);
        }
    }

    async fn closed(&self) -> ConnectionError {
        within(self.connection.closed()).await
    }
}

/// The application code the node closed with; its reason must be empty.
fn code(error: ConnectionError) -> RefusalCode {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            assert!(close.reason.is_empty(), "the node gave a reason away");
            RefusalCode::try_from(u16::try_from(close.error_code.into_inner()).unwrap()).unwrap()
        }
        other => panic!("expected the node to close with a code, found {other:?}"),
    }
}

/// Asserts that TLS itself refused, with a reason that is the same for every certificate.
fn refused_by_tls(result: Result<Control, ConnectionError>) {
    match result.err().expect("the node accepted") {
        ConnectionError::ConnectionClosed(close) => {
            let reason = String::from_utf8_lossy(&close.reason).to_string();
            assert!(!reason.contains("exercise"), "the node gave a name away: {reason}");
        }
        other => panic!("expected a TLS alert, found {other:?}"),
    }
}

fn alert(result: &Result<Control, ConnectionError>) -> String {
    match result {
        Err(ConnectionError::ConnectionClosed(close)) => format!("{close}"),
        other => panic!("expected a TLS alert, found {:?}", other.as_ref().err()),
    }
}

#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        unreachable!("TLS 1.2 is not offered")
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP384_SHA384, SignatureScheme::ML_DSA_87]
    }
}

#[tokio::test]
async fn lets_a_partner_in_with_the_certificate_enrolled() {
    for profile in ProfileName::ALL {
        let scene = Scene::new(profile).await;
        scene.still_lets_the_partner_in().await;
    }
}

#[tokio::test]
async fn refuses_no_certificate() {
    let scene = Scene::new(FAST).await;
    refused_by_tls(scene.attempt(&Client::with(FAST, None)).await);
    scene.still_lets_the_partner_in().await;
}

#[tokio::test]
async fn refuses_a_stranger_a_copy_and_a_cross_partner_certificate_alike() {
    let scene = Scene::new(FAST).await;
    let stranger = scene.attempt(&Client::new(&Keys::new("exercise-aus", FAST))).await;
    let copy = scene.attempt(&Client::new(&Keys::new("exercise-gbr", FAST))).await;
    // A second enrolled partner whose own authority issues it a certificate in the first one's name.
    let aus = Keys::new("exercise-aus", FAST);
    scene.node.trust.replace(snapshot([scene.gbr.trust(), aus.trust()]));
    let key = CertificateKey::from_pem(FAST.profile(), &aus.authority.key().to_pem()).unwrap();
    let der = aus.authority.certificate().der();
    let posing = pki::Authority::load(&"exercise-gbr".parse().unwrap(), FAST.profile(), der, key).unwrap();
    let posing = posing.issue_node(NOW, [3; 16]).unwrap();
    let crossed = scene.attempt(&Client::with(FAST, Some((posing.certificate.der(), &posing.key)))).await;
    // The refusal reveals nothing about its reason.
    assert_eq!(alert(&stranger), alert(&copy));
    assert_eq!(alert(&stranger), alert(&crossed));
    refused_by_tls(crossed);
    scene.still_lets_the_partner_in().await;
}

#[tokio::test]
async fn refuses_somebody_elses_certificate_without_its_key() {
    let scene = Scene::new(FAST).await;
    let other = Keys::new("exercise-aus", FAST);
    let chain = vec![CertificateDer::from(scene.gbr.issued.certificate.der().to_vec())];
    let der = PrivatePkcs8KeyDer::from(other.issued.key.pkcs8().to_vec()).into();
    let signing = aws_lc_rs::sign::any_supported_type(&der).unwrap();
    let mut client = Client::with(FAST, None);
    client.tls.client_auth_cert_resolver = Arc::new(Stolen(Arc::new(CertifiedKey::new(chain, signing))));
    assert!(scene.attempt(&client).await.is_err());
    scene.still_lets_the_partner_in().await;
}

#[tokio::test]
async fn refuses_revoked_suspended_expired_and_stale() {
    let scene = Scene::new(FAST).await;
    let trust = scene.gbr.trust();
    let revoked = PartnerTrust { revocation_lists: vec![scene.gbr.list(2, true)], ..trust.clone() };
    let suspended = PartnerTrust { standing: TrustStanding::Suspended, ..trust.clone() };
    let without_list = PartnerTrust { revocation_lists: Vec::new(), ..trust.clone() };
    for changed in [revoked, suspended, without_list] {
        scene.node.trust.replace(snapshot([changed]));
        refused_by_tls(scene.attempt(&scene.client()).await);
    }
    scene.node.trust.replace(TrustSnapshot::empty());
    refused_by_tls(scene.attempt(&scene.client()).await);
    scene.node.trust.replace(snapshot([trust]));
    scene.still_lets_the_partner_in().await;
    // The list is a week old, then the certificate ninety days.
    for days in [7, 91] {
        scene.node.clock.set(NOW.plus(Duration::from_secs(days * 86_400)));
        refused_by_tls(scene.attempt(&scene.client()).await);
    }
}

#[tokio::test]
async fn a_partner_that_loses_its_trust_after_the_handshake_gets_no_link() {
    let scene = Scene::new(FAST).await;
    let suspended = PartnerTrust { standing: TrustStanding::Suspended, ..scene.gbr.trust() };
    let trust = scene.node.trust.clone();
    *scene.node.memory.greeted.lock().unwrap() = Some(Box::new(move || {
        trust.replace(snapshot([suspended]));
        Ok(())
    }));
    let mut control = scene.client().open(&scene.node).await.unwrap();
    control.send_bytes(&Frame::Hello(scene.hello()).encode()).await;
    assert_eq!(code(control.closed().await), RefusalCode::NotAuthorised);
    assert!(scene.node.memory.links.lock().unwrap().is_empty(), "its link was up");
    scene.node.trust.replace(snapshot([scene.gbr.trust()]));
    scene.still_lets_the_partner_in().await;
}

#[tokio::test]
async fn a_partner_whose_hello_the_gateway_refuses_gets_no_link() {
    let scene = Scene::new(FAST).await;
    *scene.node.memory.greeted.lock().unwrap() = Some(Box::new(|| Err(RefusalCode::ProtocolError)));
    let mut control = scene.client().open(&scene.node).await.unwrap();
    control.send_bytes(&Frame::Hello(scene.hello()).encode()).await;
    assert_eq!(code(control.closed().await), RefusalCode::ProtocolError);
    assert!(scene.node.memory.links.lock().unwrap().is_empty(), "its link was up");
    scene.still_lets_the_partner_in().await;
}

#[tokio::test]
async fn refuses_another_application_protocol_and_none() {
    let scene = Scene::new(FAST).await;
    for protocols in [vec![b"h3".to_vec()], vec![b"portcullis/1".to_vec()], Vec::new()] {
        let mut client = scene.client();
        client.tls.alpn_protocols = protocols;
        refused_by_tls(scene.attempt(&client).await);
    }
    scene.still_lets_the_partner_in().await;
}

#[tokio::test]
async fn refuses_every_key_exchange_group_but_the_profiles() {
    for profile in ProfileName::ALL {
        let scene = Scene::new(profile).await;
        let ours = match profile {
            ProfileName::Cnsa2 => NamedGroup::MLKEM1024,
            ProfileName::Hybrid => NamedGroup::X25519MLKEM768,
            ProfileName::Classical => NamedGroup::secp384r1,
        };
        let presents = (scene.gbr.issued.certificate.der(), &scene.gbr.issued.key);
        for group in aws_lc_rs::ALL_KX_GROUPS.iter().filter(|g| g.name() != ours) {
            refused_by_tls(scene.attempt(&Client::with_group(*group, Some(presents))).await);
        }
        scene.still_lets_the_partner_in().await;
    }
}

#[tokio::test]
async fn refuses_every_cipher_suite_but_the_profiles() {
    let scene = Scene::new(FAST).await;
    let suites = &aws_lc_rs::default_provider().cipher_suites;
    let others = suites.iter().filter(|s| s.tls13().is_some() && s.suite() != CipherSuite::TLS13_AES_256_GCM_SHA384);
    let presents = (scene.gbr.issued.certificate.der(), &scene.gbr.issued.key);
    let mut tried = 0;
    for suite in others {
        let group = aws_lc_rs::kx_group::SECP384R1;
        refused_by_tls(scene.attempt(&Client::with_only(group, Some(vec![*suite]), Some(presents))).await);
        tried += 1;
    }
    assert_eq!(tried, 2, "AES-128 and ChaCha20");
    scene.still_lets_the_partner_in().await;
}

#[tokio::test]
async fn refuses_a_partner_on_the_listener_of_another_profile() {
    // The agreement says classical; the same partner also holds hybrid keys, which nobody enrolled.
    let scene = Scene::new(ProfileName::Hybrid).await;
    let classical = Keys::new("exercise-gbr", ProfileName::Classical);
    scene.node.trust.replace(snapshot([classical.trust()]));
    refused_by_tls(scene.attempt(&scene.client()).await);
    let presents = (classical.issued.certificate.der(), &classical.issued.key);
    refused_by_tls(scene.attempt(&Client::with(ProfileName::Hybrid, Some(presents))).await);
}

/// Presents a certificate whose key it does not have.
#[derive(Debug)]
struct Stolen(Arc<CertifiedKey>);

impl ResolvesClientCert for Stolen {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Debug, Default)]
struct Tickets(AtomicUsize);

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }
    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}
    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }
    fn remove_tls12_session(&self, _: &ServerName<'static>) {}
    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

#[tokio::test]
async fn gives_no_ticket_so_that_nobody_resumes_or_sends_early_data() {
    let scene = Scene::new(FAST).await;
    let tickets = Arc::new(Tickets::default());
    let mut client = scene.client();
    client.tls.resumption = Resumption::store(tickets.clone());
    client.tls.enable_early_data = true;
    let mut control = scene.attempt(&client).await.unwrap();
    // A ticket would have arrived with the handshake; one round trip later there is none.
    control.send_bytes(&Frame::Ping(Ping { number: 1 }).encode()).await;
    assert_eq!(control.next().await, Some(Frame::Pong(Ping { number: 1 })));
    assert_eq!(tickets.0.load(Ordering::SeqCst), 0);
    let crypto = QuicClientConfig::with_initial(Arc::new(client.tls.clone()), pki::initial_suite()).unwrap();
    let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    let connecting = endpoint.connect_with(config, scene.node.address(), "node.portcullis.invalid").unwrap();
    assert!(connecting.into_0rtt().is_err(), "early data could be sent");
}

#[tokio::test]
async fn refuses_a_hello_that_is_not_the_certificates_or_not_understood() {
    let scene = Scene::new(FAST).await;
    let extension = |critical| Extension { id: 77, critical, content: vec![1] };
    let cases = [
        (hello_of("exercise-aus"), RefusalCode::IdentityMismatch),
        (Hello { version: 1, ..scene.hello() }, RefusalCode::VersionUnsupported),
        (Hello { extensions: vec![extension(true)], ..scene.hello() }, RefusalCode::ExtensionUnsupported),
    ];
    for (hello, expected) in cases {
        let refused = scene.client().open(&scene.node).await.unwrap().greet(Frame::Hello(hello)).await;
        assert_eq!(code(refused.err().unwrap()), expected);
    }
    let hello = Hello { extensions: vec![extension(false)], ..scene.hello() };
    assert!(scene.client().open(&scene.node).await.unwrap().greet(Frame::Hello(hello)).await.is_ok());
}

#[tokio::test]
async fn refuses_anything_before_hello_and_what_is_no_frame() {
    let scene = Scene::new(FAST).await;
    let payload = support::Payload::new(1, 10);
    let truncated_body = [0, 0, 0, 252, 1, 0, 0, 0, 10];
    let cases: [&[u8]; 5] = [
        &Frame::Offer(payload.offer()).encode(),
        &Frame::Ping(Ping { number: 1 }).encode(),
        &[0xff; 64],
        b"GET / HTTP/1.1\r\n\r\n",
        &[truncated_body.as_slice(), &[0xa0; 243], &[0; 4]].concat(),
    ];
    for bytes in cases {
        let mut control = scene.client().open(&scene.node).await.unwrap();
        control.send_bytes(bytes).await;
        assert_eq!(code(control.closed().await), RefusalCode::ProtocolError);
    }
    scene.still_lets_the_partner_in().await;
}

#[tokio::test]
async fn evicts_a_peer_that_says_nothing() {
    let scene = Scene::new(FAST).await;
    // Not even a stream, a stream without a byte, and a Hello that stops in the middle.
    let connection = scene.client().connect(&scene.node).await.unwrap();
    assert_eq!(code(within(connection.closed()).await), RefusalCode::TimedOut);
    let mut control = scene.client().open(&scene.node).await.unwrap();
    control.send_bytes(&Frame::Hello(scene.hello()).encode()[..100]).await;
    assert_eq!(code(control.closed().await), RefusalCode::TimedOut);
    scene.still_lets_the_partner_in().await;
}

#[tokio::test]
async fn opens_no_second_stream_before_hello_and_takes_no_unidirectional_one() {
    let scene = Scene::new(FAST).await;
    let control = scene.client().open(&scene.node).await.unwrap();
    let connection = control.connection.clone();
    let mut second = Box::pin(connection.open_bi());
    let mut one_way = Box::pin(connection.open_uni());
    assert!(futures_util::poll!(second.as_mut()).is_pending(), "a second stream was allowed before Hello");
    let _up = control.greet(Frame::Hello(scene.hello())).await.unwrap();
    assert!(within(second).await.is_ok());
    assert!(futures_util::poll!(one_way.as_mut()).is_pending(), "a unidirectional stream was allowed");
}

#[tokio::test]
async fn refuses_frames_out_of_order_on_an_exchange_stream() {
    let scene = Scene::new(FAST).await;
    let control = scene.attempt(&scene.client()).await.unwrap();
    let goodbye = Frame::Goodbye(Goodbye::new(RefusalCode::Shutdown));
    let first_frames = [Frame::Hello(scene.hello()), Frame::Data(vec![1; 10].into()), goodbye];
    for frame in first_frames {
        let (send, receive) = control.connection.open_bi().await.unwrap();
        let connection = control.connection.clone();
        let mut stream = Control { connection, send, receive, reader: FrameReader::new(1024) };
        stream.send_bytes(&frame.encode()).await;
        match stream.next().await {
            Some(Frame::Refuse(refuse)) => assert_eq!(refuse.code(), RefusalCode::ProtocolError),
            other => panic!("expected a refusal, found {other:?}"),
        }
    }
    // One malformed stream does not close the link.
    assert!(scene.node.edge.is_up(&scene.gbr.name));
}

#[tokio::test]
async fn refuses_a_stream_that_ends_within_a_frame() {
    let scene = Scene::new(FAST).await;
    let control = scene.attempt(&scene.client()).await.unwrap();
    let offer = Frame::Offer(support::Payload::new(1, 10).offer()).encode();
    for (length, whole) in [(offer.len(), true), (offer.len() - 1, false), (3, false)] {
        let (send, receive) = control.connection.open_bi().await.unwrap();
        let connection = control.connection.clone();
        let mut stream = Control { connection, send, receive, reader: FrameReader::new(1024) };
        stream.send_bytes(&offer[..length]).await;
        stream.send.finish().unwrap();
        match stream.next().await {
            Some(Frame::Accept(_)) => assert!(whole, "{length}"),
            Some(Frame::Refuse(refuse)) => assert_eq!((refuse.code(), whole), (RefusalCode::ProtocolError, false)),
            other => panic!("expected an answer to {length} bytes, found {other:?}"),
        }
    }
}

#[tokio::test]
async fn refuses_more_exchanges_at_once_than_agreed() {
    let scene = Scene::new(FAST).await;
    let limits = Limits { concurrent: 2, ..Limits::default() };
    scene.node.edge.apply_partners(BTreeMap::from([(scene.gbr.name.clone(), link_to(None, limits))]));
    let control = scene.attempt(&scene.client()).await.unwrap();
    let mut streams = Vec::new();
    for n in 0..3 {
        let (send, receive) = within(control.connection.open_bi()).await.unwrap();
        let connection = control.connection.clone();
        let mut stream = Control { connection, send, receive, reader: FrameReader::new(1024) };
        stream.send_bytes(&Frame::Offer(support::Payload::new(n, 10).offer()).encode()).await;
        streams.push(stream);
    }
    let mut answers = Vec::new();
    for stream in &mut streams {
        answers.push(stream.next().await);
    }
    assert!(matches!(answers[..2], [Some(Frame::Accept(_)), Some(Frame::Accept(_))]), "{answers:?}");
    assert!(matches!(&answers[2], Some(Frame::Refuse(r)) if r.code() == RefusalCode::Busy), "{answers:?}");
}

#[tokio::test]
async fn limits_connection_attempts_of_an_address() {
    let tuning = EdgeTuning {
        attempts_burst: 3,
        attempts_per_minute: 1,
        // Every address is validated first, so that every attempt is counted.
        strangers_per_second: 1,
        ..EdgeTuning::default()
    };
    let gbr = Keys::new("exercise-gbr", FAST);
    let node = Node::start_tuned(Keys::new("exercise-usa", FAST), [gbr.trust()], tuning).await;
    node.edge.apply_partners(BTreeMap::from([(gbr.name.clone(), link_to(None, Limits::default()))]));
    let mut refused = 0;
    for _ in 0..8 {
        if Client::new(&gbr).connect(&node).await.is_err() {
            refused += 1;
        }
    }
    assert!(refused >= 3, "only {refused} of 8 attempts were refused");
}

/// Connects as `exercise-usa` to a server that holds the keys of `server`, expecting `exercise-gbr`.
async fn dial(server: &Keys, trusted: &[&Keys]) -> Result<Connection, ConnectionError> {
    let usa = Keys::new("exercise-usa", FAST);
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(NOW));
    let server_trust = Arc::new(TrustStore::new(snapshot([usa.trust()])));
    let tls = pki::server_config(FAST, &server.credentials(), &server_trust, &clock).unwrap();
    let crypto = QuicServerConfig::with_initial(Arc::new(tls), pki::initial_suite()).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let listening = Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listening.local_addr().unwrap();
    let accepting = async move {
        if let Some(i) = listening.accept().await {
            let _ = i.await;
        }
    };
    let trust = Arc::new(TrustStore::new(snapshot(trusted.iter().map(|k| k.trust()))));
    let expected = "exercise-gbr".parse().unwrap();
    let tls = pki::client_config(FAST, &expected, &usa.credentials(), &trust, &clock).unwrap();
    let crypto = QuicClientConfig::with_initial(Arc::new(tls), pki::initial_suite()).unwrap();
    let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    let connecting = endpoint.connect_with(config, address, "node.portcullis.invalid").unwrap();
    within(async { tokio::join!(connecting, accepting).0 }).await
}

#[tokio::test]
async fn dials_refuse_whoever_is_not_the_partner_dialled() {
    let (gbr, aus) = (Keys::new("exercise-gbr", FAST), Keys::new("exercise-aus", FAST));
    assert!(dial(&gbr, &[&gbr, &aus]).await.is_ok());
    assert!(dial(&aus, &[&gbr, &aus]).await.is_err(), "another partner answered and was taken for the one dialled");
    assert!(dial(&aus, &[&gbr]).await.is_err(), "a stranger answered");
    assert!(dial(&Keys::new("exercise-gbr", FAST), &[&gbr]).await.is_err(), "a copy of the name answered");
}

#[tokio::test]
async fn refuses_to_listen_without_a_certificate_of_that_profile() {
    let keys = Keys::new("exercise-usa", FAST);
    let other = Keys::new("exercise-usa", ProfileName::Hybrid);
    let config = portcullis::edge::EdgeConfig {
        node: keys.name.clone().into(),
        boot: [0; 16],
        secret: [0; 32],
        partner_networks: BTreeMap::new(),
        listen: vec![portcullis::edge::Listen { profile: FAST, address: "127.0.0.1:0".parse().unwrap() }],
        tuning: EdgeTuning::default(),
    };
    let trust = Arc::new(TrustStore::new(TrustSnapshot::empty()));
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(NOW));
    let memory = Arc::new(support::Memory::default());
    let started = portcullis::edge::Edge::start(config, other.credentials(), trust, memory, clock).await;
    assert!(matches!(started.err(), Some(portcullis::edge::EdgeError::NoCredential(p)) if p == FAST));
}

#[test]
fn refuses_a_credential_whose_key_is_anothers() {
    let (keys, other) = (Keys::new("exercise-usa", FAST), Keys::new("exercise-usa", FAST));
    let node = keys.name.clone().into();
    let (authority, certificate) = (keys.authority.certificate(), keys.issued.certificate.der());
    assert!(Credential::new(FAST, authority, &node, certificate, &keys.issued.key).is_ok());
    assert!(Credential::new(FAST, authority, &node, certificate, &other.issued.key).is_err());
}

/// Pings that a partner may send at once (`wire/session.rs`).
const PINGS_BURST: usize = 8;
/// Bursts of links that a partner may bring up, and of malformed streams (`edge/limits/allowance.rs`).
const LINKS_BURST: usize = 30;

#[tokio::test]
async fn more_pings_than_anybody_needs_end_the_link_and_no_more_are_answered() {
    let scene = Scene::new(FAST).await;
    let mut control = within(scene.attempt(&scene.client())).await.unwrap();
    for number in 0..PINGS_BURST as u64 {
        control.send_bytes(&Frame::Ping(Ping { number }).encode()).await;
        assert_eq!(control.next().await, Some(Frame::Pong(Ping { number })));
    }
    let pings: Vec<u8> = (0..100_000).flat_map(|number| Frame::Ping(Ping { number }).encode()).collect();
    // Nothing more is written to a peer that does not read.
    let _ = within(control.send.write_all(&pings)).await;
    assert_eq!(code(control.closed().await), RefusalCode::ProtocolError);
    scene.still_lets_the_partner_in().await;
}

#[tokio::test]
async fn a_partner_that_reads_no_answer_is_read_no_further() {
    let scene = Scene::new(FAST).await;
    let control = within(scene.attempt(&scene.client())).await.unwrap();
    let mut send = control.send;
    let ping = Frame::Ping(Ping { number: 1 }).encode();
    // This client reads nothing. What the node accepts from it is bounded by the windows and the rate limit.
    let mut written = 0;
    while within_or(send.write_all(&ping), Duration::from_secs(5)).await.is_some_and(|sent| sent.is_ok()) {
        written += 1;
        if written > 200_000 {
            panic!("{written} pings were taken while no answer was read");
        }
    }
    within(control.connection.closed()).await;
    scene.still_lets_the_partner_in().await;
}

#[tokio::test]
async fn links_without_end_are_refused_for_a_while_and_other_partners_are_let_in() {
    let (gbr, aus) = (Keys::new("exercise-gbr", FAST), Keys::new("exercise-aus", FAST));
    let tuning = EdgeTuning { attempts_burst: 1000, ..EdgeTuning::default() };
    let node = Node::start_tuned(Keys::new("exercise-usa", FAST), [gbr.trust(), aus.trust()], tuning).await;
    let link = || link_to(None, Limits::default());
    node.edge.apply_partners(BTreeMap::from([(gbr.name.clone(), link()), (aus.name.clone(), link())]));
    let scene = Scene { node, gbr };
    let mut up = 0;
    for _ in 0..3 * LINKS_BURST {
        match within(scene.attempt(&scene.client())).await {
            Ok(_) => up += 1,
            Err(error) => assert_eq!(code(error), RefusalCode::Busy),
        }
    }
    assert!((LINKS_BURST..3 * LINKS_BURST).contains(&up), "{up} links");
    let control = within(Client::new(&aus).open(&scene.node)).await.unwrap();
    assert!(within(control.greet(Frame::Hello(hello_of("exercise-aus")))).await.is_ok());
}

#[tokio::test]
async fn streams_of_what_is_no_frame_end_the_link_that_they_come_over() {
    let scene = Scene::new(FAST).await;
    let control = within(scene.attempt(&scene.client())).await.unwrap();
    let mut begun = 0;
    while begun < 10_000 {
        let Ok((mut send, _receive)) = within(control.connection.open_bi()).await else { break };
        begun += 1;
        if send.write_all(&[0xff; 64]).await.is_err() {
            break;
        }
        let _ = send.finish();
    }
    assert!(begun < 1_000, "{begun} streams were taken");
    assert_eq!(code(within(control.connection.closed()).await), RefusalCode::ProtocolError);
    scene.still_lets_the_partner_in().await;
}

async fn within_or<T>(future: impl Future<Output = T>, most: Duration) -> Option<T> {
    tokio::time::timeout(most, future).await.ok()
}
