//! The causes' machine words.

use serde::{Deserialize, Serialize};

/// Why something failed. The serialized words are the catalogue's, stable for filter policies and scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "each kind is documented by its entry in the catalogue, printed in docs/causes.md"
)]
pub enum CauseKind {
    ImagePullDenied,
    ImageNotFound,
    ImageArchitecture,
    ConnectionPending,
    SourceNotFound,
    ConfigFile,
    RuntimeVersionUnsupported,
    RuntimeVersionConflict,
    BuildDependency,
    BuildNetwork,
    BuildCommand,
    StartCommand,
    AppModuleMissing,
    AppEnvMissing,
    AppCrash,
    OutOfMemory,
    DiskFull,
    HealthCheckPort,
    HealthCheckBindAddress,
    HealthCheckPath,
    HealthCheckSlowStart,
    InstanceRoleTrust,
    RolePropagation,
    InstanceRolePermission,
    IamPermissionDenied,
    SecretAccessDenied,
    SecretNotFound,
    DownstreamUnreachable,
    DownstreamCredentials,
    VpcNoEgress,
    VpcPublicSubnet,
    VpcUnsupportedAz,
    VpcMixedAddressTypes,
    IpExhaustion,
    ConnectorInUse,
    TransientPlatform,
    OperationConflict,
    QuotaServices,
    QuotaOther,
    QuotaFargateVcpu,
    VariableReserved,
    DomainCaa,
    DomainValidationMissing,
    DeleteBlockedByIngressConnection,
    WafBlocked,
    WafAclPropagating,
    RequestTimeout,
    ConcurrencyLimit,
    Unknown,
}

impl CauseKind {
    /// The machine word, for example `image-pull-denied`.
    pub fn word(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

impl std::fmt::Display for CauseKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.word())
    }
}
