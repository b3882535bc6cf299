//! TLS in front of the sandbox, under an authority that exists for one run.
//!
//! The functions and boto3 are told to trust it as any proxy's authority is trusted: `SSL_CERT_FILE` and
//! `AWS_CA_BUNDLE`. Connections are counted, for each costs a handshake.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// An authority whose certificate lies in a file.
pub(crate) struct Authority {
    /// The certificate, PEM.
    pub(crate) file: PathBuf,
    acceptor: TlsAcceptor,
}

impl Authority {
    /// A new authority and a certificate of it for this machine.
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // A certificate with its issuer's name looks self-signed to OpenSSL.
        params.distinguished_name.push(DnType::CommonName, "authority of the bench");
        let key = KeyPair::generate()?;
        let root = params.self_signed(&key)?;
        let file = directory.join("authority.pem");
        std::fs::write(&file, root.pem()).with_context(|| file.display().to_string())?;
        let own = KeyPair::generate()?;
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names)?.signed_by(&own, &Issuer::new(params, key))?;
        let own = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], own)?;
        Ok(Self { file, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

/// A port that speaks TLS and passes on what it hears.
pub(crate) struct Front {
    address: SocketAddr,
    behind: Arc<OnceLock<String>>,
    connections: Arc<AtomicUsize>,
}

impl Front {
    /// Opens the port. Connections wait until [`Front::lead`] has said where to.
    pub(crate) async fn open(authority: &Authority) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let front =
            Self { address: listener.local_addr()?, behind: Arc::default(), connections: Arc::default() };
        let (acceptor, behind, count) =
            (authority.acceptor.clone(), front.behind.clone(), front.connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    // A client that goes away ends its connection; nobody waits for this task.
                    let _ = pass_on(stream, &acceptor, behind.get().map(String::as_str)).await;
                });
            }
        });
        Ok(front)
    }

    /// Where connections lead, such as `http://127.0.0.1:40123`.
    pub(crate) fn lead(&self, endpoint: &str) {
        let _ = self.behind.set(endpoint.trim_start_matches("http://").to_owned());
    }

    /// The endpoint for clients.
    pub(crate) fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// How many connections there were since this was asked last.
    pub(crate) fn connections(&self) -> usize {
        self.connections.swap(0, Ordering::Relaxed)
    }
}

async fn pass_on(stream: TcpStream, acceptor: &TlsAcceptor, behind: Option<&str>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut client = acceptor.accept(stream).await?;
    let mut server = TcpStream::connect(behind.context("nothing is behind this port")?).await?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
