//! An account to install into: ministack, with the sandbox's App Runner and logs, and the tools that users have.

use std::{
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use autopilot_tests::{emulator::Emulator, root};
use jiff::Timestamp;
use sandbox::aws::{Options, Sandbox, ecr::ImageSpec, service::Service as _};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, process::Command};

/// The stack's name, which the documentation uses too.
pub(crate) const STACK: &str = "apprunner-autopilot";

/// The account's ID. ministack takes it from the access key ID.
const ACCOUNT: &str = "123456789012";

/// The services of ministack that a stack is made of, and those that make it.
const SERVICES: &str =
    "cloudformation,cloudwatch,dynamodb,ec2,events,iam,lambda,logs,s3,scheduler,sns,sqs,sts";

/// How long a message may take. Machines that run tests are slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// The account.
pub(crate) struct Account {
    /// App Runner, its logs and its images.
    pub(crate) apprunner: Sandbox,
    others: Emulator,
    /// How many of App Runner's events were delivered.
    delivered: AtomicUsize,
}

impl Account {
    /// An empty account.
    pub(crate) async fn open() -> Result<Self> {
        let apprunner = Sandbox::start(Options::default()).await?;
        let platforms = vec!["linux/amd64".to_owned()];
        let image = ImageSpec {
            platforms,
            bytes: 50_000_000,
            exposed_ports: vec![8080],
            pushed_at: Timestamp::UNIX_EPOCH,
        };
        apprunner.ecr().push(ACCOUNT, "orders", "v7", &image);
        apprunner.iam().add_role("access", "build.apprunner.amazonaws.com", Timestamp::UNIX_EPOCH);
        // Functions inherit these.
        let endpoint = apprunner.endpoint();
        let ours =
            ["APPRUNNER", "CLOUDWATCH_LOGS", "ECR", "IAM"].map(|name| format!("AWS_ENDPOINT_URL_{name}"));
        let ours: Vec<_> = ours.iter().map(|name| (name.as_str(), endpoint)).collect();
        let others = Emulator::ministack_with(SERVICES, &ours).await?;
        Ok(Self { apprunner, others, delivered: AtomicUsize::new(0) })
    }

    /// Runs a program of `.venv/sam` in the repository, and gives what it prints.
    async fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let programs = root().join(".venv/sam/bin");
        let output = self.command(&programs.join(program).to_string_lossy()).args(arguments).output().await;
        let output = output.with_context(|| format!("{program}: scripts/test installs it"))?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{program} {}\n{printed}\n{errors}", arguments.join(" "));
        Ok(printed)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(root())
            .envs([
                ("AWS_ACCESS_KEY_ID", ACCOUNT),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_DEFAULT_REGION", self.apprunner.region()),
                ("AWS_ENDPOINT_URL", self.others.endpoint()),
                ("AWS_ENDPOINT_URL_APPRUNNER", self.apprunner.endpoint()),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("AWS_PAGER", ""),
                ("SAM_CLI_TELEMETRY", "0"),
            ])
            .stdin(Stdio::null());
        command
    }

    /// Runs shell commands as the documentation has them. They use version 2 of the AWS CLI, which takes a payload
    /// for base64 unless it is told otherwise; version 1 does not know the option.
    pub(crate) async fn shell(&self, script: &str) -> Result<String> {
        let programs = root().join(".venv/sam/bin");
        let programs = programs.to_string_lossy();
        let preamble = format!(
            "set -eu\nPATH={programs}:$PATH\n\
             aws() {{ local all=() one; for one; do case $one in --cli-binary-format | raw-in-base64-out) ;; \
             *) all+=(\"$one\") ;; esac; done; command aws \"${{all[@]}}\"; }}\n"
        );
        let output = self.command("bash").args(["-c", &format!("{preamble}{script}")]).output().await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{script}\n{errors}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Calls the AWS CLI; the answer is JSON, or nothing.
    pub(crate) async fn aws(&self, arguments: &[&str]) -> Result<Value> {
        // Version 1 of the CLI has an endpoint of its own for SQS and heeds this option alone.
        let endpoint = ["--endpoint-url", self.others.endpoint()];
        let endpoint = if arguments[0] == "sqs" { &endpoint[..] } else { &[] };
        let printed = self.run("aws", &[arguments, &["--output", "json"], endpoint].concat()).await?;
        if printed.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&printed).with_context(|| format!("aws {}: {printed}", arguments.join(" ")))
    }

    /// Installs the stack.
    pub(crate) async fn deploy(&self, parameters: &[&str]) -> Result<()> {
        let template = ".aws-sam/build/template.yaml";
        ensure!(root().join(template).exists(), "{template} is missing: scripts/test runs sam build");
        let options = [
            "deploy",
            "--template-file",
            template,
            "--stack-name",
            STACK,
            "--resolve-s3",
            "--capabilities",
            "CAPABILITY_IAM",
            "--no-confirm-changeset",
            "--no-progressbar",
            "--parameter-overrides",
        ];
        self.run("sam", &[&options, parameters].concat()).await.map(drop)
    }

    /// One output of the stack.
    pub(crate) async fn output(&self, key: &str) -> Result<String> {
        let stacks = self.aws(&["cloudformation", "describe-stacks", "--stack-name", STACK]).await?;
        let outputs = stacks["Stacks"][0]["Outputs"].as_array().context("the stack has outputs")?;
        let output = outputs.iter().find(|output| output["OutputKey"] == key);
        let value = output.and_then(|output| output["OutputValue"].as_str());
        Ok(value.with_context(|| format!("the stack has no output {key}"))?.to_owned())
    }

    /// The stack's resources: type and physical ID.
    pub(crate) async fn resources(&self) -> Result<Vec<(String, String)>> {
        let listed = self.aws(&["cloudformation", "list-stack-resources", "--stack-name", STACK]).await?;
        let summaries = listed["StackResourceSummaries"].as_array().context("the stack has resources")?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let pair = |it: &Value| Some((text(&it["ResourceType"])?, text(&it["PhysicalResourceId"])?));
        summaries.iter().map(|it| pair(it).with_context(|| it.to_string())).collect()
    }

    /// Which of these resources still exist, by asking each kind's own service.
    pub(crate) async fn what_is_left(&self, resources: &[(String, String)]) -> Result<Vec<(String, String)>> {
        let mut there = String::new();
        for list in [
            &["lambda", "list-functions"][..],
            &["events", "list-rules"],
            &["scheduler", "list-schedules"],
            &["iam", "list-roles"],
            &["logs", "describe-log-groups"],
            &["cloudwatch", "describe-alarms"],
            &["cloudwatch", "list-dashboards"],
            &["sqs", "list-queues"],
            &["sns", "list-topics"],
            &["dynamodb", "list-tables"],
        ] {
            there += &self.aws(list).await?.to_string();
        }
        let left = resources.iter().filter(|(_, id)| {
            let name = id.rsplit(['/', ':']).next().unwrap_or(id);
            there.contains(&format!("{name}\""))
        });
        Ok(left.cloned().collect())
    }

    /// Sends a function a command.
    pub(crate) async fn ask(&self, function: &str, command: &Value) -> Result<Value> {
        let name = format!("{STACK}-{function}");
        let payload = command.to_string();
        let arguments = ["lambda", "invoke", "--function-name", &name, "--payload", &payload, "/dev/stdout"];
        let printed = self.run("aws", &arguments).await?;
        answer(&printed).with_context(|| format!("{function} {command}"))
    }

    /// Calls App Runner as somebody in the account does.
    pub(crate) fn app_runner(&self, operation: &str, input: &Value) -> Result<Value> {
        let answer = self.apprunner.services().call(operation, input);
        answer.map_err(|error| anyhow!("{operation}: {}: {}", error.code, error.message))
    }

    /// Waits for what is under way in App Runner, and delivers its events by the account's rules.
    pub(crate) async fn happen(&self) -> Result<()> {
        self.apprunner.settle().await;
        let events = self.apprunner.events();
        let events = &events[self.delivered.swap(events.len(), Ordering::Relaxed)..];
        let python = root().join(".venv/bin/python");
        let mut deliver = self.command(&python.to_string_lossy());
        let deliver = deliver.arg("tests/tests/install/deliver.py").stdin(Stdio::piped());
        let mut running = deliver.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut input = running.stdin.take().context("it reads events")?;
        input.write_all(json!(events).to_string().as_bytes()).await?;
        drop(input);
        let ended = running.wait_with_output().await?;
        ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        Ok(())
    }

    /// What the table holds.
    pub(crate) async fn state(&self) -> Result<Vec<Value>> {
        let table = self.output("StateTableName").await?;
        let scanned = self.aws(&["dynamodb", "scan", "--table-name", &table]).await?;
        Ok(scanned["Items"].as_array().context("a scan has items")?.clone())
    }

    /// Subscribes a queue to a topic of the stack.
    pub(crate) async fn subscribe(&self, topic: &str) -> Result<Inbox<'_>> {
        let queue = self.aws(&["sqs", "create-queue", "--queue-name", "inbox"]).await?;
        let url = queue["QueueUrl"].as_str().context("a queue has a URL")?.to_owned();
        let endpoint = format!("arn:aws:sqs:{}:{ACCOUNT}:inbox", self.apprunner.region());
        let topic = self.output(topic).await?;
        let call = ["sns", "subscribe", "--protocol", "sqs", "--topic-arn", &topic];
        self.aws(&[&call[..], &["--notification-endpoint", &endpoint]].concat()).await?;
        Ok(Inbox { account: self, url })
    }
}

/// What `aws lambda invoke … /dev/stdout` prints: the function's answer, then the CLI's own.
pub(crate) fn answer(printed: &str) -> Result<Value> {
    let mut documents = serde_json::Deserializer::from_str(printed).into_iter::<Value>();
    let answer = documents.next().with_context(|| format!("no answer in {printed:?}"))??;
    let status = documents.next().with_context(|| format!("no status in {printed:?}"))??;
    ensure!(status["FunctionError"].is_null(), "{answer:#}");
    Ok(answer)
}

/// A queue that receives what a topic sends.
pub(crate) struct Inbox<'a> {
    account: &'a Account,
    url: String,
}

impl Inbox<'_> {
    /// Takes messages until one has this in it.
    pub(crate) async fn waits_for(&self, text: &str) -> Result<String> {
        let call = ["sqs", "receive-message", "--wait-time-seconds", "2", "--max-number-of-messages", "10"];
        let mut seen = Vec::new();
        let look = async {
            loop {
                let got = self.account.aws(&[&call[..], &["--queue-url", &self.url]].concat()).await?;
                for message in got["Messages"].as_array().into_iter().flatten() {
                    let body = message["Body"].as_str().unwrap_or_default().to_owned();
                    seen.push(body.clone());
                }
                if let Some(found) = seen.iter().find(|body| body.contains(text)) {
                    return Ok(found.clone());
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, look).await;
        match waited {
            Ok(found) => found,
            Err(_) => bail!("no message with {text:?} among {seen:#?}"),
        }
    }
}
