//! Images in private ECR, over the narrow client: three calls, where the SDK crate has 100,000 lines.
//!
//! `BatchGetImage` gives the manifest. An index names its platforms, and its linux/amd64 manifest is read next; a
//! single manifest names its configuration, whose blob says platform and ports. Blobs come from a presigned URL.
//! Images of `public.ecr.aws` are not looked up: what is wrong with them, App Runner's sentence says.

use autopilot::{
    error::{Class, PortError},
    evidence::Image,
    ports::ImageRead,
};
use aws_config::{Region, SdkConfig};
use serde_json::{Value, json};

use crate::narrow::{Api, Narrow, Protocol, download, unreadable};

const ECR: Api = Api {
    id: "ECR",
    signing_name: "ecr",
    host: "api.ecr",
    global: false,
    protocol: Protocol::Json { target: "AmazonEC2ContainerRegistry_V20150921" },
};

const BATCH_GET_IMAGE: &str = "ecr:BatchGetImage";
const GET_URL: &str = "ecr:GetDownloadUrlForLayer";

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
}

impl ImageRead for Ecr {
    async fn image(&self, identifier: &str) -> Result<Image, PortError> {
        let name = Name::read(identifier).ok_or_else(|| {
            let message = format!("{identifier} is no image in private ECR");
            PortError::new(BATCH_GET_IMAGE, Class::Permanent, message)
        })?;
        if self.sdk.region().is_some_and(|region| region.as_ref() == name.region) {
            return Repository { sdk: &self.sdk, narrow: &self.narrow, name }.image().await;
        }
        let there = self.sdk.clone().into_builder().region(Region::new(name.region.to_owned())).build();
        Repository { sdk: &there, narrow: &Narrow::new(&there, &ECR), name }.image().await
    }
}

/// The parts of `<account>.dkr.ecr.<region>.amazonaws.com/<repository>[:tag][@digest]`.
#[derive(Debug, PartialEq, Eq)]
struct Name<'a> {
    registry: &'a str,
    region: &'a str,
    repository: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Name<'a> {
    fn read(identifier: &'a str) -> Option<Self> {
        let (host, path) = identifier.split_once('/')?;
        let (registry, rest) = host.split_once(".dkr.ecr.")?;
        let (path, digest) = path.split_once('@').map_or((path, None), |(path, digest)| (path, Some(digest)));
        let (repository, tag) = path.split_once(':').map_or((path, None), |(path, tag)| (path, Some(tag)));
        let tag = tag.or_else(|| digest.is_none().then_some("latest"));
        Some(Self { registry, region: rest.split('.').next()?, repository, tag, digest })
    }

    /// A digest says all; a tag beside it is for people.
    fn id(&self) -> Value {
        match self.digest {
            Some(digest) => json!({ "imageDigest": digest }),
            None => json!({ "imageTag": self.tag }),
        }
    }
}

/// One image's repository.
struct Repository<'a> {
    sdk: &'a SdkConfig,
    narrow: &'a Narrow,
    name: Name<'a>,
}

impl Repository<'_> {
    async fn image(&self) -> Result<Image, PortError> {
        let Some(manifest) = self.manifest(self.name.id()).await? else {
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
            "registryId": self.name.registry,
            "repositoryName": self.name.repository,
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
            "registryId": self.name.registry,
            "repositoryName": self.name.repository,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_gives_its_parts() {
        let name = |identifier| {
            Name::read(identifier).map(|n| (n.registry, n.region, n.repository, n.tag, n.digest))
        };
        for (identifier, expected) in [
            (
                "123456789012.dkr.ecr.us-east-1.amazonaws.com/orders:v7",
                Some(("123456789012", "us-east-1", "orders", Some("v7"), None)),
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/orders",
                Some(("123456789012", "cn-north-1", "team/orders", Some("latest"), None)),
            ),
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:abc",
                Some(("123456789012", "eu-west-1", "orders", None, Some("sha256:abc"))),
            ),
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:v7@sha256:abc",
                Some(("123456789012", "eu-west-1", "orders", Some("v7"), Some("sha256:abc"))),
            ),
            ("public.ecr.aws/nginx/nginx:latest", None),
            ("nginx", None),
        ] {
            assert_eq!(name(identifier), expected, "{identifier}");
        }
    }
}
