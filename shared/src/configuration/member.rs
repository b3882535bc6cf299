//! The members of a service's configuration, in one table: where each stands in the API's structures, what it
//! holds, whether that is a secret, and what the service fills in where it is left out.

/// What a member holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text that may be shown.
    Text,
    /// A text into which users put secrets: commands.
    Secret,
    /// A boolean.
    Flag,
    /// A whole number.
    Number,
    /// Environment variables: names that may be shown and values that may not.
    Environment,
}

/// Which source a member belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Every service.
    Any,
    /// Services that run an image.
    Image,
    /// Services that are built from code.
    Code,
    /// The part of a code service that its own `apprunner.yaml` may replace.
    CodeValues,
}

macro_rules! members {
    ($($name:ident $path:literal $kind:ident $of:ident $(= $default:literal)?;)+) => {
        /// A member of the configuration.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Member { $(#[doc = concat!("`", $path, "`")] $name,)+ }

        impl Member {
            /// Every member.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its place in `UpdateService`'s input (encryption: in `CreateService`'s), dots between the levels.
            pub fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)+ }
            }

            /// What it holds.
            pub fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind,)+ }
            }

            /// Which source it belongs to.
            pub fn of(self) -> Of {
                match self { $(Self::$name => Of::$of,)+ }
            }

            /// What the service fills in, as text.
            pub fn default(self) -> Option<&'static str> {
                match self { $(Self::$name => members!(@default $($default)?),)+ }
            }
        }
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}

// Defaults: API reference, each structure's page, and the guide's chapter "Configure health checks".
members! {
    AutoDeployments "SourceConfiguration.AutoDeploymentsEnabled" Flag Any;
    AccessRole "SourceConfiguration.AuthenticationConfiguration.AccessRoleArn" Text Any;
    Connection "SourceConfiguration.AuthenticationConfiguration.ConnectionArn" Text Any;
    Image "SourceConfiguration.ImageRepository.ImageIdentifier" Text Image;
    ImageRepositoryType "SourceConfiguration.ImageRepository.ImageRepositoryType" Text Image;
    ImagePort "SourceConfiguration.ImageRepository.ImageConfiguration.Port" Text Image = "8080";
    ImageStartCommand "SourceConfiguration.ImageRepository.ImageConfiguration.StartCommand" Secret Image;
    ImageVariables "SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables" Environment Image;
    ImageSecrets "SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentSecrets" Environment Image;
    RepositoryUrl "SourceConfiguration.CodeRepository.RepositoryUrl" Text Code;
    VersionType "SourceConfiguration.CodeRepository.SourceCodeVersion.Type" Text Code = "BRANCH";
    VersionValue "SourceConfiguration.CodeRepository.SourceCodeVersion.Value" Text Code;
    SourceDirectory "SourceConfiguration.CodeRepository.SourceDirectory" Text Code = "/";
    ConfigurationSource "SourceConfiguration.CodeRepository.CodeConfiguration.ConfigurationSource" Text Code;
    Runtime "SourceConfiguration.CodeRepository.CodeConfiguration.CodeConfigurationValues.Runtime" Text CodeValues;
    BuildCommand "SourceConfiguration.CodeRepository.CodeConfiguration.CodeConfigurationValues.BuildCommand" Secret CodeValues;
    CodeStartCommand "SourceConfiguration.CodeRepository.CodeConfiguration.CodeConfigurationValues.StartCommand" Secret CodeValues;
    CodePort "SourceConfiguration.CodeRepository.CodeConfiguration.CodeConfigurationValues.Port" Text CodeValues = "8080";
    CodeVariables "SourceConfiguration.CodeRepository.CodeConfiguration.CodeConfigurationValues.RuntimeEnvironmentVariables" Environment CodeValues;
    CodeSecrets "SourceConfiguration.CodeRepository.CodeConfiguration.CodeConfigurationValues.RuntimeEnvironmentSecrets" Environment CodeValues;
    Cpu "InstanceConfiguration.Cpu" Text Any = "1024";
    Memory "InstanceConfiguration.Memory" Text Any = "2048";
    InstanceRole "InstanceConfiguration.InstanceRoleArn" Text Any;
    KmsKey "EncryptionConfiguration.KmsKey" Text Any;
    AutoScaling "AutoScalingConfigurationArn" Text Any;
    HealthProtocol "HealthCheckConfiguration.Protocol" Text Any = "TCP";
    HealthPath "HealthCheckConfiguration.Path" Text Any = "/";
    HealthInterval "HealthCheckConfiguration.Interval" Number Any = "5";
    HealthTimeout "HealthCheckConfiguration.Timeout" Number Any = "2";
    HealthyThreshold "HealthCheckConfiguration.HealthyThreshold" Number Any = "1";
    UnhealthyThreshold "HealthCheckConfiguration.UnhealthyThreshold" Number Any = "5";
    EgressType "NetworkConfiguration.EgressConfiguration.EgressType" Text Any = "DEFAULT";
    VpcConnector "NetworkConfiguration.EgressConfiguration.VpcConnectorArn" Text Any;
    Public "NetworkConfiguration.IngressConfiguration.IsPubliclyAccessible" Flag Any = "true";
    IpAddressType "NetworkConfiguration.IpAddressType" Text Any = "IPV4";
    Observability "ObservabilityConfiguration.ObservabilityEnabled" Flag Any = "false";
    ObservabilityArn "ObservabilityConfiguration.ObservabilityConfigurationArn" Text Any;
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.path())
    }
}
