//! Answers that no service would give: each ends in an error, soon, and never in a panic.

use std::time::Duration;

use anyhow::Result;
use autopilot::{
    error::Class,
    ports::{ImageRead, RoleRead, SubnetRead},
};
use autopilot_aws::{ec2::Ec2, ecr::Ecr, iam::Iam};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::timeout,
};

use crate::sdk_for;

/// A server that answers every request with these bytes and then closes; gives its endpoint.
pub(crate) async fn answering(bytes: Vec<u8>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let mut request = [0; 16_384];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    Ok(endpoint)
}

pub(crate) fn ok(body: &[u8]) -> Vec<u8> {
    announced(body, body.len())
}

fn announced(body: &[u8], length: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn hostile_answers_are_errors() -> Result<()> {
    let bomb =
        r#"<!DOCTYPE R [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><R>&b;&b;</R>"#;
    let cut = "<R><subnetSet><item><subnetId>subnet-1</subnetId>";
    let wide = format!("<R>{}</R>", "<i/>".repeat(300_000));
    let endless = "<R><subnetSet/><nextToken>again</nextToken></R>";
    for (what, bytes) in [
        ("nothing", ok(b"")),
        ("no XML", ok(b"{\"ok\":true}")),
        ("another answer", ok(b"<R><other/></R>")),
        ("entities", ok(bomb.as_bytes())),
        ("cut off", ok(cut.as_bytes())),
        ("cut off on the way", announced(cut.as_bytes(), 4_000)),
        ("too many elements", ok(wide.as_bytes())),
        ("far too large", ok(&vec![b' '; 6 << 20])),
        ("not UTF-8", ok(b"<R>\xff\xfe</R>")),
        ("NUL", ok(b"<R>\0</R>")),
        ("no HTTP", b"\x00\x01\x02\x03".to_vec()),
        ("silence", Vec::new()),
        ("pages without end", ok(endless.as_bytes())),
    ] {
        let sdk = sdk_for(&answering(bytes).await?).await;
        let ids = ["subnet-1".to_owned()];
        let (ec2, iam, ecr) = (Ec2::new(&sdk), Iam::new(&sdk), Ecr::new(&sdk));
        let answers = async {
            tokio::join!(
                ec2.subnets(&ids),
                iam.role("arn:aws:iam::123456789012:role/r"),
                ecr.image("123456789012.dkr.ecr.us-east-1.amazonaws.com/orders:v1"),
            )
        };
        let (subnets, role, image) = timeout(Duration::from_secs(8), Box::pin(answers)).await?;
        assert_eq!(subnets.unwrap_err().class, Class::Retryable, "{what}");
        assert_eq!(role.unwrap_err().class, Class::Retryable, "{what}");
        assert!(image.is_err(), "{what}");
    }
    Ok(())
}
