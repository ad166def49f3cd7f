//! What the parts of the gateway do on this machine, each alone: the limits that the rows are held against.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::digest::Hasher;
use portcullis::pki::{
    self, Authority, Credential, CredentialStore, PartnerTrust, TrustSnapshot, TrustStanding, TrustStore,
};
use portcullis::sign::{Algorithm, LocalSigner, Signer as _};
use portcullis::system::SystemClock;
use portcullis::time::Clock;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use serde_json::{Value, json};

use crate::support::block_on;

/// Rates are bytes a second, times are seconds; work is processor seconds, a byte where there are many.
pub struct Primitives {
    cores: f64,
    sha256: f64,
    age_seal: f64,
    age_open: f64,
    quic: f64,
    quic_work: f64,
    disk: f64,
    disk_work: f64,
    file: f64,
    file_work: f64,
    age_seal_small: f64,
    age_open_small: f64,
    sign: f64,
    verify: f64,
    quic_small: f64,
    quic_small_work: f64,
}

impl Primitives {
    /// Measures with `bytes` of payload.
    pub fn measure(bytes: usize) -> Primitives {
        let payload = vec![0x5a; bytes];
        let rate = |time: Duration| bytes as f64 / time.as_secs_f64();
        let sha256 = rate(timed(|| {
            let mut hasher = Hasher::new();
            hasher.update(&payload);
            hasher.finish()
        }));
        let identity = age::x25519::Identity::generate();
        let mut sealed = Vec::new();
        let age_seal = rate(timed(|| sealed = encrypt(&identity, &payload)));
        let age_open = rate(timed(|| decrypt(&identity, &sealed)));
        drop(sealed);
        let small = &payload[..4096];
        let sealed = encrypt(&identity, small);
        let der = LocalSigner::generate(Algorithm::MlDsa87).expect("a key");
        let signer = LocalSigner::from_pkcs8(&der).expect("a key just made");
        let signature = signer.sign(small).expect("a signature");
        let folder = tempfile::tempdir().expect("a folder");
        let [(quic, quic_work), (quic_small, quic_small_work)] = block_on(quic(bytes));
        let began = processor_time();
        let disk = rate(timed(|| write_synced(&folder.path().join("bulk"), &payload)));
        let disk_work = (processor_time() - began) / (3 * bytes) as f64;
        let (file, file_work) = files(folder.path(), &sealed);
        Primitives {
            cores: std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64),
            sha256,
            age_seal,
            age_open,
            quic,
            quic_work,
            disk,
            disk_work,
            file,
            file_work,
            age_seal_small: each(200, || encrypt(&identity, small)),
            age_open_small: each(200, || decrypt(&identity, &sealed)),
            sign: each(200, || signer.sign(small).expect("a signature")),
            verify: each(200, || assert!(signer.public().verifies(small, &signature))),
            quic_small,
            quic_small_work,
        }
    }

    /// GB a second of one payload through every part at once: the slowest part alone, or all the work that needs a
    /// processor on the processors there are.
    ///
    /// A payload is hashed, sealed and written here; sent; hashed, written, read, opened and hashed again there. Both
    /// nodes have the same processors and the same disk.
    pub fn bulk_limit(&self) -> f64 {
        let content = 3.0 / self.sha256 + 1.0 / self.age_seal + 1.0 / self.age_open;
        let work = content + self.quic_work + 2.0 * self.disk_work;
        let stages = [1.0 / self.age_seal, 1.0 / self.age_open, 1.0 / self.quic, 2.0 / self.disk, work / self.cores];
        1e-9 / stages.into_iter().fold(0.0, f64::max)
    }

    /// Exchanges a second of 4 KiB: two approvals, a manifest and a receipt signed and each verified where it is relied
    /// on; the product, which is encrypted where it waits, opened by each officer and by the node; sealed, and opened by
    /// the partner; one stream there and back; one payload made durable on each side by a sync of its own, by nodes that
    /// share a disk as they share the processors. What the gateway saves by sharing syncs between payloads is its own
    /// gain. What else a store commits is shared between exchanges and costs nothing here.
    pub fn many_limit(&self) -> f64 {
        let signatures = 4.0 * self.sign + 6.0 * self.verify;
        let encryption = self.age_seal_small + 4.0 * self.age_open_small;
        let work = signatures + encryption + self.quic_small_work + 2.0 * self.file_work;
        let stages = [work / self.cores, self.quic_small, 2.0 * self.file];
        1.0 / stages.into_iter().fold(0.0, f64::max)
    }

    pub fn view(&self) -> Value {
        let short = |value: f64| (value * 1000.0).round() / 1000.0;
        json!({
            "cores": self.cores,
            "sha256_gb_s": short(self.sha256 / 1e9),
            "age_seal_gb_s": short(self.age_seal / 1e9),
            "age_open_gb_s": short(self.age_open / 1e9),
            "quic_gb_s": short(self.quic / 1e9),
            "quic_work_s_gb": short(self.quic_work * 1e9),
            "disk_gb_s": short(self.disk / 1e9),
            "disk_work_s_gb": short(self.disk_work * 1e9),
            "file_4k_ms": short(self.file * 1e3),
            "file_4k_work_ms": short(self.file_work * 1e3),
            "age_seal_4k_ms": short(self.age_seal_small * 1e3),
            "age_open_4k_ms": short(self.age_open_small * 1e3),
            "sign_ms": short(self.sign * 1e3),
            "verify_ms": short(self.verify * 1e3),
            "quic_4k_stream_ms": short(self.quic_small * 1e3),
            "quic_4k_stream_work_ms": short(self.quic_small_work * 1e3),
        })
    }
}

/// The best of three: a limit is what the part can do, not what disturbed it.
fn timed<T>(mut work: impl FnMut() -> T) -> Duration {
    let once = |work: &mut dyn FnMut() -> T| {
        let began = Instant::now();
        std::hint::black_box(work());
        began.elapsed()
    };
    (0..3).map(|_| once(&mut work)).min().expect("three times")
}

/// Seconds that one of many takes.
fn each<T>(times: u32, mut work: impl FnMut() -> T) -> f64 {
    let all = timed(|| (0..times).for_each(|_| drop(std::hint::black_box(work()))));
    all.as_secs_f64() / f64::from(times)
}

fn encrypt(identity: &age::x25519::Identity, plain: &[u8]) -> Vec<u8> {
    let recipient = identity.to_public();
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).expect("one");
    let mut sealed = Vec::with_capacity(plain.len() + 1024);
    let mut writer = encryptor.wrap_output(&mut sealed).expect("memory");
    writer.write_all(plain).expect("memory");
    writer.finish().expect("memory");
    sealed
}

fn decrypt(identity: &age::x25519::Identity, sealed: &[u8]) -> usize {
    let opened = age::Decryptor::new_buffered(sealed).expect("its own header");
    let mut reader = opened.decrypt(std::iter::once(identity as &dyn age::Identity)).expect("its own key");
    let (mut chunk, mut all) = (vec![0; 1 << 16], 0);
    loop {
        match reader.read(&mut chunk).expect("its own bytes") {
            0 => return all,
            read => all += read,
        }
    }
}

/// Seconds, and processor seconds, for one small payload to become durable under its final name, with sixteen under way at
/// a time. The files are there already: some file systems take the longer to make one the more were removed lately.
fn files(folder: &std::path::Path, payload: &[u8]) -> (f64, f64) {
    const EACH: usize = 64;
    let folders: Vec<_> = (0..16).map(|thread| folder.join(thread.to_string())).collect();
    for folder in &folders {
        std::fs::create_dir(folder).expect("a folder of our own");
        write_synced(&folder.join("whole"), payload);
    }
    let one = |folder: &std::path::Path| {
        let (partial, whole) = (folder.join("part"), folder.join("whole"));
        std::fs::rename(&whole, &partial).expect("a folder of our own");
        write_synced(&partial, payload);
        std::fs::rename(partial, whole).expect("a folder of our own");
        std::fs::File::open(folder).and_then(|f| f.sync_all()).expect("an honest disk");
    };
    let (began, work) = (Instant::now(), processor_time());
    std::thread::scope(|scope| {
        for folder in &folders {
            let one = &one;
            scope.spawn(move || (0..EACH).for_each(|_| one(folder)));
        }
    });
    let times = (16 * EACH) as f64;
    (began.elapsed().as_secs_f64() / times, (processor_time() - work) / times)
}

/// Seconds that this process has used of all processors (proc(5), fields 14 and 15 of `stat`, in hundredths).
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    // The second field is a name in parentheses, which may have blanks in it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    [11, 12].iter().map(|field| fields[*field].parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}

fn write_synced(path: &std::path::Path, bytes: &[u8]) {
    let mut file = std::fs::File::create(path).expect("a file");
    file.write_all(bytes).expect("room on the disk");
    file.sync_all().expect("an honest disk");
}

/// Two quinn endpoints with the gateway's own TLS: bytes a second over one stream, and seconds for one stream with 4 KiB
/// there and a small answer back, sixteen at a time; with each the processor seconds of both ends.
async fn quic(bytes: usize) -> [(f64, f64); 2] {
    let (ours, theirs) = (Party::new("exercise-usa"), Party::new("exercise-gbr"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let profile = pki::ProfileName::Cnsa2;
    let server = pki::server_config(profile, &theirs.credentials(), &ours.trusted(), &clock).expect("a configuration");
    let client = pki::client_config(profile, &theirs.name.clone(), &ours.credentials(), &theirs.trusted(), &clock);
    let server = QuicServerConfig::with_initial(Arc::new(server), pki::initial_suite()).expect("the initial suite");
    let client = QuicClientConfig::with_initial(Arc::new(client.expect("a configuration")), pki::initial_suite());
    let mut transport = quinn::TransportConfig::default();
    transport.crypto_buffer_size(128 * 1024).max_concurrent_bidi_streams(64u32.into());
    transport.stream_receive_window((8u32 << 20).into()).receive_window((16u32 << 20).into()).send_window(16 << 20);
    let transport = Arc::new(transport);
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(server));
    config.transport_config(transport.clone());
    let there = endpoint(Some(config));
    let address = there.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Some(incoming) = there.accept().await {
            let connection = incoming.await.expect("a handshake");
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                tokio::spawn(async move {
                    while let Ok(Some(chunk)) = receive.read_chunk(1 << 18, true).await {
                        std::hint::black_box(chunk.bytes.len());
                    }
                    let _ = send.write_all(&[1; 64]).await;
                    let _ = send.finish();
                });
            }
        }
    });
    let here = endpoint(None);
    let mut config = quinn::ClientConfig::new(Arc::new(client.expect("the initial suite")));
    config.transport_config(transport);
    let connecting = here.connect_with(config, address, "node.portcullis.invalid").expect("a connection");
    let connection = connecting.await.expect("a handshake");
    let exchange = async |bytes: usize| {
        let (mut send, mut receive) = connection.open_bi().await.expect("a stream");
        let block = bytes::Bytes::from(vec![0x5a; bytes.min(1 << 18)]);
        for _ in 0..bytes.div_ceil(block.len()) {
            send.write_chunk(block.clone()).await.expect("a stream");
        }
        send.finish().expect("a stream");
        receive.read_to_end(64).await.expect("an answer");
    };
    exchange(1 << 20).await;
    let (began, work) = (Instant::now(), processor_time());
    exchange(bytes).await;
    let rate = bytes as f64 / began.elapsed().as_secs_f64();
    let bulk = (rate, (processor_time() - work) / bytes as f64);
    let (began, work) = (Instant::now(), processor_time());
    for _ in 0..128 {
        futures_util::future::join_all((0..16).map(|_| exchange(4096))).await;
    }
    [bulk, (began.elapsed().as_secs_f64() / 2048.0, (processor_time() - work) / 2048.0)]
}

/// A quinn endpoint with as much room in the system as the gateway asks for.
fn endpoint(server: Option<quinn::ServerConfig>) -> quinn::Endpoint {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let state = quinn::udp::UdpSocketState::new((&socket).into()).expect("a socket");
    let _ = state.set_recv_buffer_size((&socket).into(), 2 << 20);
    let _ = state.set_send_buffer_size((&socket).into(), 2 << 20);
    let runtime = Arc::new(quinn::TokioRuntime);
    quinn::Endpoint::new(quinn::EndpointConfig::default(), server, socket, runtime).expect("an endpoint")
}

/// One end, with keys of its own.
struct Party {
    name: portcullis::ident::PartnerId,
    authority: Authority,
    issued: pki::IssuedNode,
}

impl Party {
    fn new(name: &str) -> Party {
        let (now, profile) = (SystemClock.now(), pki::ProfileName::Cnsa2.profile());
        let authority = Authority::create(&name.parse().expect("a name"), profile, now, [7; 16]).expect("an authority");
        let issued = authority.issue_node(now, [8; 16]).expect("a certificate");
        Party { name: name.parse().expect("a name"), authority, issued }
    }

    fn credentials(&self) -> Arc<CredentialStore> {
        let (authority, node) = (self.authority.certificate(), self.name.clone().into());
        let credential =
            Credential::new(pki::ProfileName::Cnsa2, authority, &node, self.issued.certificate.der(), &self.issued.key);
        Arc::new(CredentialStore::new([credential.expect("a certificate just issued")]))
    }

    fn trusted(&self) -> Arc<TrustStore> {
        let list = self.authority.issue_revocation_list(&[], 1, SystemClock.now()).expect("a list");
        let trust = PartnerTrust {
            partner: self.name.clone(),
            profile: pki::ProfileName::Cnsa2,
            authorities: vec![self.authority.certificate().der().to_vec()],
            revocation_lists: vec![list.der().to_vec()],
            standing: TrustStanding::Active,
            revoked_serials: Default::default(),
            revoked_fingerprints: Default::default(),
        };
        Arc::new(TrustStore::new(TrustSnapshot::new([trust]).0))
    }
}
