//! Names and ARNs that the template's resources would have once deployed.

use anyhow::{Result, anyhow, bail};
use serde_json::Value;

/// The account, Region and stack that a template is read for: the values of
/// the pseudo parameters.
#[derive(Clone, Debug)]
pub struct Account {
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub id: String,
    /// `AWS::Partition`.
    pub partition: String,
    /// `AWS::URLSuffix`.
    pub url_suffix: String,
    /// `AWS::StackName`.
    pub stack: String,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            region: "us-east-1".into(),
            id: "123456789012".into(),
            partition: "aws".into(),
            url_suffix: "amazonaws.com".into(),
            stack: "apprunner-autopilot".into(),
        }
    }
}

impl Account {
    /// The value of a pseudo parameter, `None` for any other name.
    pub(crate) fn pseudo_parameter(&self, name: &str) -> Option<Value> {
        Some(match name {
            "AWS::Region" => self.region.clone().into(),
            "AWS::AccountId" => self.id.clone().into(),
            "AWS::Partition" => self.partition.clone().into(),
            "AWS::URLSuffix" => self.url_suffix.clone().into(),
            "AWS::StackName" => self.stack.clone().into(),
            "AWS::StackId" => self.arn("cloudformation", &format!("stack/{}/sandbox", self.stack)).into(),
            "AWS::NotificationARNs" => Value::Array(Vec::new()),
            _ => return None,
        })
    }

    /// An ARN of this account and Region.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.id)
    }

    fn iam_arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.id)
    }
}

/// A resource of the template: its type and its name in the account.
#[derive(Clone, Debug)]
pub struct Resource {
    /// For instance `AWS::SNS::Topic`.
    pub kind: String,
    /// The name that the template gives, else `<stack>-<logical id>`.
    pub name: String,
}

/// The property that names a resource, for each type whose name matters here.
pub(crate) fn name_property(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AWS::Serverless::Function" | "AWS::Lambda::Function" => "FunctionName",
        "AWS::SNS::Topic" => "TopicName",
        "AWS::DynamoDB::Table" => "TableName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::IAM::Role" => "RoleName",
        "AWS::IAM::ManagedPolicy" => "ManagedPolicyName",
        "AWS::KMS::Alias" => "AliasName",
        "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm" => "AlarmName",
        "AWS::CloudWatch::Dashboard" => "DashboardName",
        "AWS::S3::Bucket" => "BucketName",
        "AWS::Scheduler::ScheduleGroup" => "Name",
        _ => return None,
    })
}

impl Resource {
    /// What `Ref` gives.
    pub(crate) fn reference(&self, account: &Account) -> String {
        match self.kind.as_str() {
            "AWS::SNS::Topic" | "AWS::IAM::ManagedPolicy" => self.arn(account).unwrap_or_default(),
            "AWS::SQS::Queue" => {
                format!("https://sqs.{}.{}/{}/{}", account.region, account.url_suffix, account.id, self.name)
            }
            _ => self.name.clone(),
        }
    }

    /// What `Fn::GetAtt` gives.
    pub(crate) fn attribute(&self, account: &Account, attribute: &str) -> Result<String> {
        Ok(match (self.kind.as_str(), attribute) {
            (_, "Arn") | ("AWS::SNS::Topic", "TopicArn") => {
                self.arn(account).ok_or_else(|| anyhow!("this host knows no ARN of {}", self.kind))?
            }
            ("AWS::SNS::Topic", "TopicName")
            | ("AWS::SQS::Queue", "QueueName")
            | ("AWS::KMS::Key", "KeyId")
            | ("AWS::IAM::Role", "RoleId") => self.name.clone(),
            ("AWS::SQS::Queue", "QueueUrl") => self.reference(account),
            (kind, _) => bail!("this host knows no attribute {attribute} of {kind}"),
        })
    }

    fn arn(&self, account: &Account) -> Option<String> {
        let name = &self.name;
        Some(match self.kind.as_str() {
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
                account.arn("lambda", &format!("function:{name}"))
            }
            "AWS::SNS::Topic" => account.arn("sns", name),
            "AWS::DynamoDB::Table" => account.arn("dynamodb", &format!("table/{name}")),
            "AWS::SQS::Queue" => account.arn("sqs", name),
            "AWS::Logs::LogGroup" => account.arn("logs", &format!("log-group:{name}:*")),
            "AWS::KMS::Key" => account.arn("kms", &format!("key/{name}")),
            "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm" => {
                account.arn("cloudwatch", &format!("alarm:{name}"))
            }
            "AWS::Events::Rule" => account.arn("events", &format!("rule/{name}")),
            "AWS::Scheduler::Schedule" => account.arn("scheduler", &format!("schedule/default/{name}")),
            "AWS::Scheduler::ScheduleGroup" => account.arn("scheduler", &format!("schedule-group/{name}")),
            "AWS::S3::Bucket" => format!("arn:{}:s3:::{name}", account.partition),
            "AWS::IAM::Role" => account.iam_arn(&format!("role/{name}")),
            "AWS::IAM::ManagedPolicy" => account.iam_arn(&format!("policy/{name}")),
            _ => return None,
        })
    }
}
