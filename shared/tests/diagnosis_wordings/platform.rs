//! Sentences of App Runner and its API.

use super::Row;
use super::course::Course::{Deploy, Events};

pub(crate) const ROWS: &[Row] = &[
    (
        "image-pull-denied",
        Events,
        &[
            "[AppRunner] Starting to pull your application image.",
            "[AppRunner] Failed to pull your application image. Be sure you configure your service with a valid access role to your ECR repository.",
        ],
    ),
    (
        "image-pull-denied",
        Events,
        &[
            "[AppRunner] Failed to pull your application image. Reason: Invalid Access Role in AuthenticationConfiguration",
            "[AppRunner] Deployment failed. Failure reason : Failed to copy the image from ECR",
        ],
    ),
    (
        "image-not-found",
        Events,
        &["[AppRunner] Failed to pull your application image. Reason: ECR image does not exist"],
    ),
    (
        "image-not-found",
        Events,
        &[
            "[AppRunner] Failed to pull your application image. Reason: Requested image not found in repository",
        ],
    ),
    (
        "unknown",
        Events,
        &["[AppRunner] Deployment with ID : 0123 failed. Failure reason : Failed to copy the image from ECR"],
    ),
    (
        "runtime-version-unsupported",
        Events,
        &[
            "[AppRunner] Failed to build your application source code. Reason: The specified runtime version is not supported. Read the release information in the guide for supported runtime versions.",
        ],
    ),
    (
        "config-file",
        Events,
        &[
            "[AppRunner] Reading apprunner.yaml config file.",
            "[AppRunner] Failed to build your application source code. Reason: App Runner configuration file apprunner.yaml not found.",
        ],
    ),
    (
        "config-file",
        Events,
        &["[AppRunner] Reading apprunner.yaml config file.", "[AppRunner] Deployment with ID : 0123 failed."],
    ),
    (
        "instance-role-trust",
        Events,
        &["InvalidRequestException: Error in assuming instance role arn:aws:iam::111122223333:role/web"],
    ),
    (
        "iam-permission-denied",
        Events,
        &[
            "AccessDeniedException: User: arn:aws:iam::111122223333:user/ci is not authorized to perform: apprunner:UpdateService on resource: x",
        ],
    ),
    (
        "secret-access-denied",
        Deploy,
        &[
            "Failed to deploy your application image. Reason: unable to retrieve secret from asm: AccessDeniedException: not authorized to perform: secretsmanager:GetSecretValue",
        ],
    ),
    (
        "secret-not-found",
        Deploy,
        &["ResourceNotFoundException: Secrets Manager can't find the specified secret."],
    ),
    (
        "ip-exhaustion",
        Deploy,
        &["App Runner was unable to find subnets with available IPs for your VPC connector."],
    ),
    ("ip-exhaustion", Deploy, &["The subnets of the VPC connector don't have enough free IP addresses."]),
    (
        "vpc-unsupported-az",
        Events,
        &[
            "InvalidRequestException: Subnets [subnet-1] are in Availability Zones [use1-az3] that App Runner does not support.",
        ],
    ),
    (
        "operation-conflict",
        Events,
        &["InvalidStateException: Service cannot be updated in the current state: OPERATION_IN_PROGRESS"],
    ),
    (
        "operation-conflict",
        Events,
        &["InvalidRequestException: Service status must be RUNNING or PAUSED to be updated"],
    ),
    (
        "quota-services",
        Events,
        &[
            "ServiceQuotaExceededException: You have reached the maximum number of services (30) in this Region.",
        ],
    ),
    (
        "quota-fargate-vcpu",
        Deploy,
        &["You've reached the limit on the number of vCPUs you can run concurrently"],
    ),
    (
        "quota-other",
        Events,
        &["ServiceQuotaExceededException: The maximum number of VPC connectors is reached."],
    ),
    ("variable-reserved", Events, &["InvalidRequestException: Environment variable PORT is reserved."]),
    (
        "waf-acl-propagating",
        Events,
        &[
            "WAFUnavailableEntityException: AWS WAF couldn't retrieve the resource that you requested. Retry your request.",
        ],
    ),
    (
        "connector-in-use",
        Events,
        &["InvalidRequestException: VPC connector arn:x is in use by service web and cannot be deleted."],
    ),
    (
        "delete-blocked-by-ingress-connection",
        Events,
        &["InvalidStateException: Cannot delete the service because it has VPC ingress connections."],
    ),
    (
        "domain-caa",
        Events,
        &[
            "One or more domain names have failed validation due to a Certificate Authority Authentication (CAA) error",
        ],
    ),
    ("transient-platform", Deploy, &["An internal error occurred. Please try again later."]),
    (
        "image-not-found",
        Events,
        &[
            "[AppRunner] Failed to pull your application image. Reason: The image with imageId {imageTag: 'v9'} does not exist within the repository with name 'web'",
        ],
    ),
    (
        "image-pull-denied",
        Events,
        &[
            "[AppRunner] Failed to pull your application image. Reason: User is not authorized to perform: ecr:BatchGetImage",
        ],
    ),
    (
        "operation-conflict",
        Events,
        &[
            "An error occurred (InvalidStateException) when calling the StartDeployment operation: Service is in OPERATION_IN_PROGRESS state.",
        ],
    ),
    ("ip-exhaustion", Deploy, &["Insufficient free IPs in the subnets of your VPC connector"]),
    (
        "secret-access-denied",
        Deploy,
        &[
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: AccessDeniedException: not authorized to perform: ssm:GetParameters",
        ],
    ),
    (
        "config-file",
        Events,
        &[
            "[AppRunner] Reading apprunner.yaml config file.",
            "[AppRunner] Failed to parse the configuration file: did not find expected key at line 7",
        ],
    ),
    ("unknown", Events, &["[AppRunner] Service creation failed. For details, see service logs."]),
];
