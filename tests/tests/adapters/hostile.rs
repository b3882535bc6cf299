//! Answers that no service would give: each ends in an error, soon, and never in a panic.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use autopilot::{
    error::Class,
    ports::{BalancingRead, CertificateRead, DnsRead, ExpressRead, ImageRead, RoleRead, SubnetRead},
};
use autopilot_aws::{acm::Acm, ec2::Ec2, ecr::Ecr, ecs::Ecs, elbv2::Elbv2, iam::Iam, route53::Route53};
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
        let sdk = sdk_for(&answering(bytes).await?)?;
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
        let arns = ["arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/1".to_owned()];
        let (zone, names) = ("Z0EXAMPLE".parse()?, BTreeSet::from(["app.example.com".parse()?]));
        let (route53, elbv2, acm, ecs) =
            (Route53::new(&sdk), Elbv2::new(&sdk), Acm::new(&sdk), Ecs::new(&sdk));
        let answers = async {
            tokio::join!(
                route53.zone(&zone),
                route53.records(&zone, &names),
                elbv2.load_balancers(&arns),
                acm.certificate("arn:aws:acm:us-east-1:123456789012:certificate/a"),
                ecs.express_service("arn:aws:ecs:us-east-1:123456789012:service/default/a"),
            )
        };
        let (found, records, balancers, certificate, express) =
            timeout(Duration::from_secs(8), Box::pin(answers)).await?;
        let classes = [
            found.unwrap_err().class,
            records.unwrap_err().class,
            balancers.unwrap_err().class,
            certificate.unwrap_err().class,
            express.unwrap_err().class,
        ];
        assert_eq!(classes, [Class::Retryable; 5], "{what}");
    }
    Ok(())
}

/// A page that always names a further one, of the name that was asked for.
#[tokio::test]
async fn a_list_of_records_that_never_ends_is_an_error() -> Result<()> {
    let page = "<R><ResourceRecordSets/><IsTruncated>true</IsTruncated><NextRecordName>app.example.com.\
        </NextRecordName><NextRecordType>A</NextRecordType></R>";
    let route53 = Route53::new(&sdk_for(&answering(ok(page.as_bytes())).await?)?);
    let (zone, names) = ("Z0EXAMPLE".parse()?, BTreeSet::from(["app.example.com".parse()?]));
    let endless = route53.records(&zone, &names);
    let error = timeout(Duration::from_secs(8), Box::pin(endless)).await?.unwrap_err();
    assert!(error.message.contains("100 pages"), "{error}");
    Ok(())
}
