//! ECR: what is said of an image, and what is not claimed where it cannot be read.

use anyhow::{Context as _, Result};
use autopilot::{
    configuration::ImageIdentifier,
    error::Class,
    evidence::Image,
    ports::{ImageDigests as _, ImageRead},
};
use autopilot_aws::ecr::Ecr;
use jiff::Timestamp;
use sandbox::aws::{Fault, ecr::ImageSpec};

use crate::{account, sdk};

const OWN: &str = "123456789012";
const OTHER: &str = "999999999999";

fn spec(platforms: &[&str]) -> ImageSpec {
    ImageSpec {
        platforms: platforms.iter().map(|&platform| platform.to_owned()).collect(),
        bytes: 250_000_000,
        exposed_ports: vec![3000],
        pushed_at: Timestamp::UNIX_EPOCH,
    }
}

fn identifier(registry: &str, rest: &str) -> String {
    format!("{registry}.dkr.ecr.us-east-1.amazonaws.com/{rest}")
}

fn platforms(image: &Image) -> Vec<&str> {
    image.platforms.iter().flatten().map(String::as_str).collect()
}

#[tokio::test]
async fn an_image_is_described_whether_it_has_one_platform_or_several() -> Result<()> {
    let account = account().await?;
    let ecr = Ecr::new(&sdk(&account)?);
    account.ecr().push(OWN, "one", "v1", &spec(&["linux/amd64"]));
    account.ecr().push(OWN, "arm", "v1", &spec(&["linux/arm64"]));
    let digest = account.ecr().push(OWN, "both", "latest", &spec(&["linux/arm64", "linux/amd64"]));
    account.ecr().push(OWN, "foreign", "v1", &spec(&["linux/arm64", "windows/amd64"]));
    let by_digest = format!("both@{digest}");
    for (name, expected, size_and_ports, calls) in [
        ("one:v1", &["linux/amd64"][..], true, 2),
        ("arm:v1", &["linux/arm64"], true, 2),
        ("both", &["linux/arm64", "linux/amd64"], true, 3),
        (by_digest.as_str(), &["linux/arm64", "linux/amd64"], true, 3),
        ("foreign:v1", &["linux/arm64", "windows/amd64"], false, 1),
    ] {
        account.requests().clear();
        let image = ecr.image(&identifier(OWN, name)).await?;
        assert_eq!((platforms(&image), image.exists), (expected.to_vec(), Some(true)), "{name}");
        assert_eq!(image.exposed_ports, size_and_ports.then(|| vec![3000]), "{name}");
        assert_eq!(image.size_mb.map(f64::round), size_and_ports.then_some(250.0), "{name}");
        assert_eq!(account.requests().all().len(), calls, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn only_ecr_itself_can_say_that_an_image_does_not_exist() -> Result<()> {
    let account = account().await?;
    let ecr = Ecr::new(&sdk(&account)?);
    let digest = account.ecr().push(OWN, "orders", "v1", &spec(&["linux/amd64"]));
    account.ecr().expire(OWN, "orders", &digest);
    for name in ["orders:v1", "orders:v2", "nowhere:v1", &format!("orders@{digest}")] {
        assert_eq!(ecr.image(&identifier(OWN, name)).await?.exists, Some(false), "{name}");
    }
    let error = ecr.image(&identifier(OTHER, "orders:v1")).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (Class::Permanent, Some("AccessDeniedException")));
    let error = ecr.image("public.ecr.aws/nginx/nginx:latest").await.unwrap_err();
    assert_eq!((error.class, error.call), (Class::Permanent, "ecr:BatchGetImage"));
    Ok(())
}

#[tokio::test]
async fn another_accounts_image_is_read_where_its_registry_lets_us_in() -> Result<()> {
    let account = account().await?;
    account.ecr().push(OTHER, "team/orders", "v1", &spec(&["linux/arm64"]));
    let image = Ecr::new(&sdk(&account)?).image(&identifier(OTHER, "team/orders:v1")).await?;
    assert_eq!(platforms(&image), ["linux/arm64"]);
    let [asked] = &account.requests().of("ecr", "BatchGetImage")[..] else { panic!("one call") };
    assert_eq!(asked.input["registryId"], OTHER);
    Ok(())
}

#[tokio::test]
async fn layers_that_may_not_be_read_leave_what_the_manifest_says() -> Result<()> {
    let account = account().await?;
    account.ecr().push(OWN, "orders", "v1", &spec(&["linux/arm64", "linux/amd64"]));
    let denied = Fault::Refuse { code: "AccessDeniedException".to_owned(), message: String::new() };
    account.faults().always("ecr", "GetDownloadUrlForLayer", denied);
    let image = Ecr::new(&sdk(&account)?).image(&identifier(OWN, "orders:v1")).await?;
    assert_eq!(platforms(&image), ["linux/arm64", "linux/amd64"]);
    assert_eq!((image.exists, image.exposed_ports), (Some(true), None));
    account.faults().clear();
    account.faults().always("ecr", "BatchGetImage", Fault::ServerError);
    let error = Ecr::new(&sdk(&account)?).image(&identifier(OWN, "orders:v1")).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (Class::Retryable, Some("ServerException")));
    Ok(())
}

#[tokio::test]
async fn a_tag_is_resolved_to_its_digest_and_push() -> Result<()> {
    let account = account().await?;
    let ecr = Ecr::new(&sdk(&account)?);
    let pushed_at: Timestamp = "2026-11-20T10:00:00.25Z".parse()?;
    let first =
        account.ecr().push(OWN, "orders", "latest", &ImageSpec { pushed_at, ..spec(&["linux/amd64"]) });
    let image: ImageIdentifier = identifier(OWN, "orders").parse()?;
    let found = ecr.resolve(&image).await?.context("an image")?;
    assert_eq!((&found.digest, found.pushed_at), (&first, Some(pushed_at)));
    let second = account.ecr().push(OWN, "orders", "latest", &spec(&["linux/amd64"]));
    assert_eq!(ecr.resolve(&image).await?.context("an image")?.digest, second, "the tag moved");
    let pinned = image.with_digest(&first);
    assert_eq!(ecr.resolve(&pinned).await?.context("an image")?.digest, first, "the digest is still there");
    account.ecr().expire(OWN, "orders", &first);
    assert_eq!(ecr.resolve(&pinned).await?, None);
    for name in ["orders:v2", "nowhere:v1"] {
        assert_eq!(ecr.resolve(&identifier(OWN, name).parse()?).await?, None, "{name}");
    }
    let error = ecr.resolve(&identifier(OTHER, "orders:v1").parse()?).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (Class::Permanent, Some("AccessDeniedException")));
    account.requests().clear();
    let error = ecr.resolve(&"public.ecr.aws/nginx/nginx:latest".parse()?).await.unwrap_err();
    assert_eq!(
        (error.class, error.call, account.requests().all().len()),
        (Class::Permanent, "ecr:DescribeImages", 0)
    );
    Ok(())
}
