//! ECR, as far as one image goes: `BatchGetImage`, `DescribeImages`, `GetDownloadUrlForLayer`, and the blobs that
//! those URLs lead to.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::clock::epoch_seconds;
use super::error::ApiError;
use super::lock;
use super::protocol::Protocol;
use super::service::Service;
use crate::aws::identity::fresh;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image to seed.
#[derive(Clone, Debug)]
pub struct ImageSpec {
    /// `os/architecture` of each platform. Several make an index, with an attestation beside them.
    pub platforms: Vec<String>,
    /// Bytes of each platform's one layer.
    pub bytes: u64,
    /// Ports of its `EXPOSE` instructions.
    pub exposed_ports: Vec<u16>,
    /// When it was pushed.
    pub pushed_at: Timestamp,
}

/// A stored manifest.
struct Manifest {
    media_type: &'static str,
    text: String,
    bytes: u64,
    pushed_at: Timestamp,
}

#[derive(Default)]
struct Repository {
    tags: BTreeMap<String, String>,
    manifests: BTreeMap<String, Manifest>,
}

#[derive(Default)]
struct State {
    /// By registry (an account's ID) and name.
    repositories: BTreeMap<(String, String), Repository>,
    blobs: BTreeMap<String, String>,
    /// Registries of other accounts that let this one in.
    open: Vec<String>,
}

/// ECR as one account sees it.
pub struct Ecr {
    url: String,
    account: String,
    state: Mutex<State>,
}

impl Ecr {
    pub(crate) fn new(url: &str, account: &str) -> Self {
        Self { url: url.to_owned(), account: account.to_owned(), state: Mutex::default() }
    }

    /// Pushes an image under a tag and returns its digest. A registry of another account lets this one in by it.
    pub fn push(&self, registry: &str, repository: &str, tag: &str, image: &ImageSpec) -> String {
        let mut state = lock(&self.state);
        state.open.push(registry.to_owned());
        let manifests: Vec<Value> = image
            .platforms
            .iter()
            .map(|platform| state.add_platform(registry, repository, platform, image))
            .collect();
        let digest = match &manifests[..] {
            [single] => single["digest"].as_str().unwrap_or_default().to_owned(),
            several => {
                let mut entries = several.to_vec();
                let attestation = json!({ "architecture": "unknown", "os": "unknown" });
                entries.push(json!({ "mediaType": MANIFEST, "digest": digest(), "size": 566, "platform": attestation }));
                let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
                state.add_manifest(registry, repository, INDEX, &index, image)
            }
        };
        let repository = state.repository(registry, repository);
        repository.tags.insert(tag.to_owned(), digest.clone());
        digest
    }

    /// Removes an image, as a lifecycle rule would.
    pub fn expire(&self, registry: &str, repository: &str, digest: &str) {
        let mut state = lock(&self.state);
        let repository = state.repository(registry, repository);
        repository.manifests.remove(digest);
        repository.tags.retain(|_, tagged| tagged != digest);
    }

    fn batch_get_image(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.state);
        let found = self.found(&state, input)?;
        let accepted = input["acceptedMediaTypes"].as_array();
        let accepts = |kind: &str| accepted.is_none_or(|kinds| kinds.iter().any(|known| known == kind));
        let (mut images, mut failures) = (Vec::new(), Vec::new());
        for id in input["imageIds"].as_array().into_iter().flatten() {
            match found.resolve(id) {
                Some((digest, manifest)) if accepts(manifest.media_type) => images.push(json!({
                    "registryId": input["registryId"],
                    "repositoryName": input["repositoryName"],
                    "imageId": { "imageDigest": digest, "imageTag": id["imageTag"] },
                    "imageManifest": manifest.text,
                    "imageManifestMediaType": manifest.media_type,
                })),
                found => failures.push(json!({
                    "imageId": id,
                    "failureCode": if found.is_some() { "UnsupportedImageType" } else { "ImageNotFound" },
                    "failureReason": "Requested image not found",
                })),
            }
        }
        Ok(json!({ "images": images, "failures": failures }))
    }

    fn describe_images(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.state);
        let found = self.found(&state, input)?;
        let details = input["imageIds"].as_array().into_iter().flatten().map(|id| {
            let (digest, manifest) = found.resolve(id).ok_or_else(|| {
                ApiError::refused("ImageNotFoundException", "The image requested does not exist.")
            })?;
            let tags = found.tags.iter().filter(|(_, tagged)| *tagged == digest);
            Ok(json!({
                "registryId": input["registryId"],
                "repositoryName": input["repositoryName"],
                "imageDigest": digest,
                "imageTags": tags.map(|(tag, _)| tag).collect::<Vec<_>>(),
                "imageSizeInBytes": manifest.bytes,
                "imagePushedAt": epoch_seconds(manifest.pushed_at),
                "imageManifestMediaType": manifest.media_type,
            }))
        });
        Ok(json!({ "imageDetails": details.collect::<Result<Vec<_>, ApiError>>()? }))
    }

    fn download_url(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.state);
        self.found(&state, input)?;
        let digest = input["layerDigest"].as_str().unwrap_or_default();
        if !state.blobs.contains_key(digest) {
            return Err(ApiError::refused("LayersNotFoundException", "The layer does not exist."));
        }
        let url = format!("{}/blobs/{digest}?X-Amz-Expires=3600&X-Amz-Signature=sandbox", self.url);
        Ok(json!({ "layerDigest": digest, "downloadUrl": url }))
    }

    fn found<'s>(&self, state: &'s State, input: &Value) -> Result<&'s Repository, ApiError> {
        let registry = input["registryId"].as_str().unwrap_or(&self.account).to_owned();
        if registry != self.account && !state.open.contains(&registry) {
            let problem = "User is not authorized because no resource-based policy allows the action";
            return Err(ApiError::refused("AccessDeniedException", problem));
        }
        let name = input["repositoryName"].as_str().unwrap_or_default();
        state.repositories.get(&(registry, name.to_owned())).ok_or_else(|| {
            let problem = format!("The repository with name '{name}' does not exist");
            ApiError::refused("RepositoryNotFoundException", problem)
        })
    }
}

impl State {
    fn repository(&mut self, registry: &str, name: &str) -> &mut Repository {
        self.repositories.entry((registry.to_owned(), name.to_owned())).or_default()
    }

    fn add_manifest(
        &mut self,
        registry: &str,
        repository: &str,
        media_type: &'static str,
        manifest: &Value,
        image: &ImageSpec,
    ) -> String {
        let digest = digest();
        let stored = Manifest {
            media_type,
            text: manifest.to_string(),
            bytes: image.bytes,
            pushed_at: image.pushed_at,
        };
        self.repository(registry, repository).manifests.insert(digest.clone(), stored);
        digest
    }

    /// Stores one platform's manifest and configuration; gives its entry in an index.
    fn add_platform(&mut self, registry: &str, repository: &str, platform: &str, image: &ImageSpec) -> Value {
        let (os, architecture) = platform.split_once('/').unwrap_or(("linux", platform));
        let ports: BTreeMap<String, Value> =
            image.exposed_ports.iter().map(|port| (format!("{port}/tcp"), json!({}))).collect();
        let configuration =
            json!({ "os": os, "architecture": architecture, "config": { "ExposedPorts": ports } })
                .to_string();
        let blob = digest();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "digest": blob, "size": configuration.len() },
            "layers": [{ "digest": digest(), "size": image.bytes }],
        });
        self.blobs.insert(blob, configuration);
        let digest = self.add_manifest(registry, repository, MANIFEST, &manifest, image);
        let platform = json!({ "os": os, "architecture": architecture });
        json!({ "mediaType": MANIFEST, "digest": digest, "size": 1_234, "platform": platform })
    }
}

impl Repository {
    fn resolve(&self, id: &Value) -> Option<(&String, &Manifest)> {
        let digest = match id["imageDigest"].as_str() {
            Some(digest) => digest,
            None => self.tags.get(id["imageTag"].as_str()?)?,
        };
        self.manifests.get_key_value(digest)
    }
}

/// A digest that looks like one; nothing here computes them.
fn digest() -> String {
    format!("sha256:{}{}", fresh().simple(), fresh().simple())
}

impl Service for Ecr {
    fn name(&self) -> &'static str {
        "ecr"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Json {
            target: "AmazonEC2ContainerRegistry_V20150921",
            version: "1.1",
            message_member: "message",
        }
    }

    fn server_error(&self) -> &'static str {
        "ServerException"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        match operation {
            "BatchGetImage" => self.batch_get_image(input),
            "DescribeImages" => self.describe_images(input),
            "GetDownloadUrlForLayer" => self.download_url(input),
            _ => Err(ApiError::unknown_operation(operation)),
        }
    }

    fn download(&self, path: &str) -> Option<String> {
        lock(&self.state).blobs.get(path.strip_prefix("/blobs/")?).cloned()
    }
}
