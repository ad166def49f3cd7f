//! `portcullis init`: creates a node.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::input::files::cannot_write;
use crate::cli::input::keys::key_pem;
use crate::cli::output::{Exit, Failure, Out};
use crate::config::{Config, NewFolder, folder_of, make_private_folder, write_new, write_secret};
use crate::gateway::Node;
use crate::ident::NodeId;
use crate::marking::Register;
use crate::pki::{Authority, ProfileName};
use crate::seal::PayloadIdentity;
use crate::sign::Algorithm;
use crate::system::{SystemClock, entropy, fault_point};
use crate::time::Clock as _;

/// Create a node: configuration, policy, certificates, keys and an empty store.
///
/// Every key is generated on this machine and kept in a file of mode 600; there is no default key or password. An existing
/// folder is never changed. The folder appears only when it is complete: an interrupted `init` may leave `.NAME.new` next to
/// it, which the next `init` of that name removes.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// The folder to create; it must not exist.
    dir: PathBuf,
    /// The name under which partners enrol this node.
    #[arg(long)]
    name: NodeId,
    /// The organisation.
    #[arg(long)]
    organisation: String,
    /// Its country or organisation code in the marking register.
    #[arg(long, default_value = "USA")]
    code: String,
    /// The contact for partners.
    #[arg(long)]
    contact: String,
    /// The UDP address to listen on; leave it out for a node that only dials out. For all interfaces (`0.0.0.0` or `[::]`),
    /// also give --advertise.
    #[arg(long, value_parser = listening_address)]
    listen: Option<SocketAddr>,
    /// `host:port` that partners dial; repeat for several. If left out, the listening address.
    #[arg(long)]
    advertise: Vec<String>,
    /// Certificate and key-exchange profile: cnsa2, hybrid or classical.
    #[arg(long, default_value = "cnsa2")]
    profile: ProfileName,
}

#[derive(Serialize)]
struct Made {
    node: NodeId,
    folder: PathBuf,
    config: PathBuf,
    profile: String,
    fingerprint: String,
}

impl Init {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the folder exists or something cannot be written; no folder is left then.
    pub async fn run(self, out: Out) -> Result<Exit, Failure> {
        if self.dir.symlink_metadata().is_ok() {
            return Err(Failure::refused(format!(
                "`{}` exists: nothing was changed; name a folder that does not exist",
                self.dir.display()
            )));
        }
        if let Some(listen) = self.listen
            && listen.ip().is_unspecified()
            && self.advertise.is_empty()
        {
            return Err(Failure::input(format!(
                "partners cannot dial `{listen}`: give the address that they dial, such as --advertise \
                 gateway.example:{}",
                listen.port()
            )));
        }
        if let Some(address) = self.advertise.iter().find(|address| is_every_interface(address)) {
            return Err(Failure::input(format!(
                "partners cannot dial `{address}`: it means every interface of this machine"
            )));
        }
        self.check_code()?;
        let made = self.make().await?;
        out.answer(&made, |text| {
            let config = made.config.display();
            let _ = writeln!(text, "created node {} in {}", out.bold(self.name.as_str()), made.folder.display());
            let _ = writeln!(text, "  profile      {}", made.profile);
            let _ = writeln!(text, "  fingerprint  {}", made.fingerprint);
            let _ = writeln!(text, "next: portcullis --config {config} found propose --officer … --out founding.json");
            let _ = writeln!(
                text,
                "      (at least two officers; until all of them have signed, nothing is enrolled or released)"
            );
            let _ = writeln!(text, "      portcullis --config {config} partner export > {}.json", made.node);
            let _ = writeln!(text, "      portcullis --config {config} serve");
        });
        Ok(Exit::Done)
    }

    /// Refuses a code that is not in the register, because no partner's agreement could name it.
    fn check_code(&self) -> Result<(), Failure> {
        let (register, code) = (Register::compiled_in(), &self.code);
        if register.is_country(code) || register.is_organisation(code) {
            return Ok(());
        }
        let near: Vec<String> = register.similar_codes(code).map(|(code, name)| format!("`{code}` ({name})")).collect();
        let meant = if near.is_empty() { String::new() } else { format!(": did you mean {}?", near.join(", ")) };
        Err(Failure::input(format!("--code: the marking register has no code `{code}`{meant}")))
    }

    async fn make(&self) -> Result<Made, Failure> {
        let around = folder_of(&self.dir);
        make_private_folder(around).map_err(|e| cannot_write(around, e))?;
        // Created under a temporary name, so that an incomplete node never has the name of one.
        let whole = NewFolder::begin(&self.dir).map_err(|e| cannot_write(&self.dir, e))?;
        let folder = whole.path().canonicalize().map_err(|e| cannot_write(&self.dir, e))?;
        let file = folder.join("portcullis.toml");
        write_new(&file, self.configuration().as_bytes()).map_err(|e| cannot_write(&file, e))?;
        let config = Config::read(&file).map_err(Failure::input)?;
        for part in [config.keys.path(), &config.certificates, &config.store.spool, &config.policy.folder] {
            make_private_folder(part).map_err(|e| cannot_write(part, e))?;
        }
        self.make_keys(&config)?;
        crate::cli::node::policy_folder::write(&config.policy.folder)?;
        let node = Node::make(config, Arc::new(SystemClock)).await.map_err(Failure::trouble)?;
        node.make_officer_authority().map_err(Failure::trouble)?;
        let description = node.description().map_err(Failure::trouble)?;
        // Closed before the rename, so that no file is open under the temporary name.
        node.store().close().await;
        drop(node);
        fault_point("node-made");
        whole.finish().map_err(|e| cannot_write(&self.dir, e))?;
        let folder = self.dir.canonicalize().map_err(|e| cannot_write(&self.dir, e))?;
        Ok(Made {
            node: self.name.clone(),
            config: folder.join("portcullis.toml"),
            folder,
            profile: self.profile.to_string(),
            fingerprint: description.fingerprint().to_string(),
        })
    }

    /// The sample configuration with this node's values.
    fn configuration(&self) -> String {
        const SAMPLE: &str = include_str!("../../../deploy/portcullis.toml");
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let advertised: Vec<_> = match (&self.listen, self.advertise.is_empty()) {
            (Some(address), true) => vec![address.to_string()],
            _ => self.advertise.clone(),
        };
        let values = [
            ("name", Some(quoted(self.name.as_str()))),
            ("organisation", Some(quoted(&self.organisation))),
            ("code", Some(quoted(&self.code))),
            ("contact", Some(quoted(&self.contact))),
            ("address", self.listen.map(|a| quoted(&a.to_string()))),
            ("advertise", Some(toml::Value::from(advertised).to_string())),
            ("profile", Some(quoted(self.profile.as_str()))),
        ];
        let mut text = String::new();
        for line in SAMPLE.lines() {
            let key = line.split(" = ").next().unwrap_or_default();
            match values.iter().find(|(name, _)| *name == key) {
                Some((_, Some(value))) => writeln!(text, "{key} = {value}"),
                Some((_, None)) => writeln!(text, "# {line}"),
                None => writeln!(text, "{line}"),
            }
            // INVARIANT: writing to a string does not fail.
            .expect("a string takes any text");
        }
        text
    }

    fn make_keys(&self, config: &Config) -> Result<(), Failure> {
        let now = SystemClock.now();
        let profile = self.profile.profile();
        let authority = Authority::create(&self.name, profile, now, entropy()).map_err(Failure::trouble)?;
        let issued = authority.issue_node(now, entropy()).map_err(Failure::trouble)?;
        let list = authority.issue_revocation_list(&[], 1, now).map_err(Failure::trouble)?;
        let secret = |name: &str, bytes: &[u8]| {
            let path = config.keys.file(name);
            write_secret(&path, bytes).map_err(|e| cannot_write(&path, e))
        };
        let public = |name: &str, text: &str| {
            let path = config.certificates.join(name);
            write_new(&path, text.as_bytes()).map_err(|e| cannot_write(&path, e))
        };
        secret("ca", authority.key().to_pem().as_bytes())?;
        secret("node", issued.key.to_pem().as_bytes())?;
        public("ca.pem", &authority.certificate().to_pem())?;
        public("node.pem", &issued.certificate.to_pem())?;
        public("crl.pem", &list.to_pem())?;
        // Statements are verified for years, so they are post-quantum in every profile except the classical one.
        let statements = if self.profile == ProfileName::Classical { Algorithm::Es384 } else { Algorithm::MlDsa87 };
        secret("signing", key_pem(statements)?.as_bytes())?;
        // C2SP checkpoints are signed with Ed25519, which existing verifiers accept.
        secret("ledger", key_pem(Algorithm::Ed25519)?.as_bytes())?;
        secret("payload", line(&PayloadIdentity::generate()).as_bytes())?;
        secret("storage", line(&PayloadIdentity::generate()).as_bytes())
    }
}

/// Parses an address with its port.
fn listening_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| match text.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => format!(
            "the port is missing: give `{}`, and with --advertise the address that partners dial",
            SocketAddr::new(address, 4433)
        ),
        Ok(address) => format!("the port is missing: give `{}`", SocketAddr::new(address, 4433)),
        Err(_) => "expected an IP address and a port, such as `192.0.2.1:4433`".to_owned(),
    })
}

/// Whether an address means all interfaces of a machine, so that it cannot be dialled.
fn is_every_interface(address: &str) -> bool {
    address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_unspecified())
}

/// A secret with a line break.
fn line(secret: &str) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(secret.len() + 1));
    line.push_str(secret);
    line.push('\n');
    line
}
