//! Images in private ECR, over the narrow client: four calls, where the SDK crate has 100,000 lines.
//!
//! `BatchGetImage` gives the manifest. An index names its platforms, and its linux/amd64 manifest is read next; a
//! single manifest names its configuration, whose blob says platform and ports. Blobs come from a presigned URL.
//! `DescribeImages` gives the digest that a tag means, and when it was pushed.
//! Images of `public.ecr.aws` are not looked up: what is wrong with them, App Runner's sentence says.

use autopilot::{
    configuration::{ImageIdentifier, NotAnImageIdentifier, Registry},
    error::{Class, PortError},
    evidence::Image,
    ports::{ImageDigests, ImageRead, PushedImage},
};
use aws_types::{SdkConfig, region::Region};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::narrow::{Api, Narrow, Protocol, download, unreadable};

const ECR: Api = Api {
    id: "ECR",
    signing_name: "ecr",
    host: "api.ecr",
    global: false,
    protocol: Protocol::Json { target: "AmazonEC2ContainerRegistry_V20150921", version: "1.1" },
};

const BATCH_GET_IMAGE: &str = "ecr:BatchGetImage";
const DESCRIBE_IMAGES: &str = "ecr:DescribeImages";
const GET_URL: &str = "ecr:GetDownloadUrlForLayer";

/// Codes that say that an image is not there.
const NOT_THERE: [&str; 2] = ["ImageNotFoundException", "RepositoryNotFoundException"];

/// Manifests that can be told: OCI's and Docker's, of one platform and of several.
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// The platform that App Runner runs.
const PLATFORM: &str = "linux/amd64";

/// ECR.
#[derive(Debug)]
pub struct Ecr {
    sdk: SdkConfig,
    narrow: Narrow,
}

impl Ecr {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { sdk: sdk.clone(), narrow: Narrow::new(sdk, &ECR) }
    }

    fn is_here(&self, region: &str) -> bool {
        self.sdk.region().is_some_and(|own| own.as_ref() == region)
    }

    fn there(&self, region: &str) -> SdkConfig {
        self.sdk.clone().into_builder().region(Region::new(region.to_owned())).build()
    }
}

impl ImageRead for Ecr {
    async fn image(&self, identifier: &str) -> Result<Image, PortError> {
        let image: ImageIdentifier = identifier.parse().map_err(|error: NotAnImageIdentifier| {
            PortError::new(BATCH_GET_IMAGE, Class::Permanent, error.to_string())
        })?;
        let (account, region) = private(BATCH_GET_IMAGE, &image)?;
        if self.is_here(region) {
            return Repository { sdk: &self.sdk, narrow: &self.narrow, account, image: &image }.image().await;
        }
        let there = self.there(region);
        Repository { sdk: &there, narrow: &Narrow::new(&there, &ECR), account, image: &image }.image().await
    }
}

impl ImageDigests for Ecr {
    async fn resolve(&self, image: &ImageIdentifier) -> Result<Option<PushedImage>, PortError> {
        let (account, region) = private(DESCRIBE_IMAGES, image)?;
        let input =
            json!({ "registryId": account, "repositoryName": image.repository, "imageIds": [id(image)] });
        let answer = if self.is_here(region) {
            self.narrow.json(DESCRIBE_IMAGES, &input).await
        } else {
            Narrow::new(&self.there(region), &ECR).json(DESCRIBE_IMAGES, &input).await
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.code.as_deref().is_some_and(|code| NOT_THERE.contains(&code)) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let details = &answer["imageDetails"][0];
        let digest = details["imageDigest"]
            .as_str()
            .ok_or_else(|| unreadable(DESCRIBE_IMAGES, &"it holds no imageDigest"))?;
        let pushed_at = details["imagePushedAt"].as_f64().and_then(|seconds| {
            SignedDuration::try_from_secs_f64(seconds)
                .ok()
                .and_then(|since| Timestamp::from_duration(since).ok())
        });
        Ok(Some(PushedImage { digest: digest.to_owned(), pushed_at }))
    }
}

/// Account and Region of an image in private ECR.
fn private<'i>(call: &'static str, image: &'i ImageIdentifier) -> Result<(&'i str, &'i str), PortError> {
    match &image.registry {
        Registry::Private { account, region, .. } => Ok((account, region)),
        Registry::Public => {
            let message = format!("{image} is no image in private ECR");
            Err(PortError::new(call, Class::Permanent, message))
        }
    }
}

/// A digest says all; a tag beside it is for people.
fn id(image: &ImageIdentifier) -> Value {
    match &image.digest {
        Some(digest) => json!({ "imageDigest": digest }),
        None => json!({ "imageTag": image.effective_tag() }),
    }
}

/// One image's repository.
struct Repository<'a> {
    sdk: &'a SdkConfig,
    narrow: &'a Narrow,
    account: &'a str,
    image: &'a ImageIdentifier,
}

impl Repository<'_> {
    async fn image(&self) -> Result<Image, PortError> {
        let Some(manifest) = self.manifest(id(self.image)).await? else {
            return Ok(Image { exists: Some(false), ..Image::default() });
        };
        let Some(entries) = manifest["manifests"].as_array() else { return self.single(&manifest).await };
        // Beside the platforms an index may hold attestations, whose platform is `unknown/unknown`.
        let platforms = entries.iter().filter_map(|entry| Some((platform(&entry["platform"])?, entry)));
        let platforms: Vec<(String, &Value)> =
            platforms.filter(|(platform, _)| !platform.starts_with("unknown/")).collect();
        let fitting = platforms.iter().find(|(platform, _)| platform == PLATFORM);
        let mut image = Image { exists: Some(true), ..Image::default() };
        if let Some((_, entry)) = fitting
            && let Some(manifest) = self.manifest(json!({ "imageDigest": entry["digest"] })).await?
        {
            image = self.single(&manifest).await?;
        }
        image.platforms = Some(platforms.into_iter().map(|(platform, _)| platform).collect());
        Ok(image)
    }

    /// A manifest; `None` where ECR says that it is not there.
    async fn manifest(&self, id: Value) -> Result<Option<Value>, PortError> {
        let input = json!({
            "registryId": self.account,
            "repositoryName": self.image.repository,
            "imageIds": [id],
            "acceptedMediaTypes": MEDIA_TYPES,
        });
        let answer = match self.narrow.json(BATCH_GET_IMAGE, &input).await {
            Ok(answer) => answer,
            Err(error) if error.code.as_deref() == Some("RepositoryNotFoundException") => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(manifest) = answer["images"][0]["imageManifest"].as_str() {
            let manifest = serde_json::from_str(manifest).map_err(|e| unreadable(BATCH_GET_IMAGE, &e))?;
            return Ok(Some(manifest));
        }
        let failure = &answer["failures"][0];
        match failure["failureCode"].as_str() {
            Some("ImageNotFound" | "ImageTagDoesNotMatchDigest") => Ok(None),
            code => Err(PortError {
                code: code.map(str::to_owned),
                ..PortError::new(
                    BATCH_GET_IMAGE,
                    Class::Permanent,
                    failure["failureReason"].as_str().unwrap_or("no image and no reason"),
                )
            }),
        }
    }

    /// Size from the manifest, platform and ports from the configuration that it names.
    async fn single(&self, manifest: &Value) -> Result<Image, PortError> {
        let layers = manifest["layers"].as_array();
        let sizes = layers.into_iter().flatten().map(|layer| layer["size"].as_f64());
        let bytes: Option<f64> = sizes.chain([manifest["config"]["size"].as_f64()]).sum();
        let mut image =
            Image { exists: Some(true), size_mb: bytes.map(|bytes| bytes / 1e6), ..Image::default() };
        // A manifest of schema 1 names no configuration.
        let Some(digest) = manifest["config"]["digest"].as_str() else { return Ok(image) };
        let input = json!({
            "registryId": self.account,
            "repositoryName": self.image.repository,
            "layerDigest": digest,
        });
        let configuration = match self.configuration(&input).await {
            Ok(configuration) => configuration,
            // A repository's policy may allow its manifests and not its layers; what the manifest says stands.
            Err(error) if error.class == Class::Permanent => return Ok(image),
            Err(error) => return Err(error),
        };
        image.platforms = platform(&configuration).map(|platform| vec![platform]);
        let ports = configuration["config"]["ExposedPorts"].as_object();
        let number = |port: &String| port.split('/').next()?.parse().ok();
        image.exposed_ports =
            Some(ports.into_iter().flatten().filter_map(|(port, _)| number(port)).collect());
        Ok(image)
    }

    /// The configuration of an image: a blob like its layers.
    async fn configuration(&self, blob: &Value) -> Result<Value, PortError> {
        let answer = self.narrow.json(GET_URL, blob).await?;
        let url = answer["downloadUrl"].as_str().unwrap_or_default();
        let configuration = download(self.sdk, GET_URL, url).await?;
        serde_json::from_str(&configuration).map_err(|error| unreadable(GET_URL, &error))
    }
}

/// `os/architecture` of an object with these members.
fn platform(value: &Value) -> Option<String> {
    let part = |name: &str| value[name].as_str().map(str::to_lowercase);
    Some(format!("{}/{}", part("os")?, part("architecture")?))
}
