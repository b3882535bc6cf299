//! Emulators of AWS that others wrote, for a second opinion. `scripts/test` installs them into `.venv`.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::root;

/// A server of its own; it ends when this is dropped.
#[derive(Debug)]
pub struct Emulator {
    server: Child,
    endpoint: String,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Emulator {
    /// moto: broad, and lenient with Route 53.
    pub async fn moto() -> Result<Self> {
        let port = free_port()?;
        Self::start("moto_server", port, &["-H", "127.0.0.1", "-p", &port.to_string()], &[]).await
    }

    /// ministack: strict with Route 53's batches.
    pub async fn ministack() -> Result<Self> {
        Self::ministack_with("route53", &[]).await
    }

    /// ministack with these services and settings. Functions that it runs inherit the settings, and find it by its
    /// own endpoint.
    pub async fn ministack_with(services: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let port = free_port()?;
        let endpoint = format!("http://127.0.0.1:{port}");
        let port_text = port.to_string();
        let own = [
            ("GATEWAY_PORT", port_text.as_str()),
            ("BIND_HOST", "127.0.0.1"),
            ("SERVICES", services),
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ];
        Self::start("ministack", port, &[], &[&own[..], settings].concat()).await
    }

    async fn start(program: &str, port: u16, arguments: &[&str], settings: &[(&str, &str)]) -> Result<Self> {
        let program = root().join(".venv/bin").join(program);
        ensure!(program.exists(), "{} is missing: scripts/test installs it", program.display());
        let server = Command::new(program)
            .args(arguments)
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let emulator = Self { server, endpoint: format!("http://127.0.0.1:{port}") };
        for _ in 0..300 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Ok(emulator);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the emulator did not start")
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Seeds it with boto3, the client that it was made for; gives what the script prints as JSON.
    pub async fn seed(&self, script: &str) -> Result<Value> {
        let preamble = "import boto3, json, datetime\n\
            def client(name):\n    return boto3.client(name, region_name='us-east-1', endpoint_url=ENDPOINT, \
            aws_access_key_id='AKIAFACTS', aws_secret_access_key='secret')\n";
        let script = format!("ENDPOINT = {:?}\n{preamble}{script}", self.endpoint);
        let output = tokio::process::Command::new(root().join(".venv/bin/python"))
            .args(["-c", &script])
            .output()
            .await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).context("the script prints JSON")
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
