//! The whole product on one machine: the account, the functions of `template.yaml`, and the wires between.
//!
//! Tables and topics are made as the template declares them, and every event of the account's bus goes through
//! the template's own rules. The demo and the end-to-end tests both play here.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, OnceLock},
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    aws::{Options as AccountOptions, Sandbox},
    host::{Host, Options as HostOptions, template::Template},
};

/// An account with the stack installed.
pub struct Stage {
    /// The account.
    pub account: Sandbox,
    /// The functions.
    pub host: Host,
    /// The template, resolved.
    pub template: Template,
}

impl Stage {
    /// Installs the template's stack, with these parameters, into a new account.
    ///
    /// Must be called within a Tokio runtime. `binaries` holds the functions' executables.
    pub async fn raise(
        template: &Path,
        parameters: &[(&str, &str)],
        binaries: &Path,
        mut account: AccountOptions,
        host: &HostOptions,
    ) -> Result<Self> {
        let parameters: BTreeMap<_, _> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let template = Template::read(template, &parameters)?;
        account.account.clone_from(&template.account().id);
        account.region.clone_from(&template.account().region);
        // The account exists before the functions that its events go to.
        let router: Arc<OnceLock<Host>> = Arc::default();
        let listener = router.clone();
        account.on_event = Some(Arc::new(move |event: Value| {
            if let Some(host) = listener.get() {
                host.router.deliver(event);
            }
        }));
        let account = Sandbox::start(account).await?;
        furnish(&account, &template)?;
        let host = Host::start(&template, binaries, account.endpoint(), host)?;
        router.set(host.clone()).ok().context("the stage is raised once")?;
        Ok(Self { account, host, template })
    }

    /// Waits until nothing is under way any more, neither in the account nor in the functions.
    pub async fn settle(&self) {
        loop {
            self.account.settle().await;
            if self.host.router.is_idle() {
                return;
            }
            // What a function does may set the account in motion again.
            self.host.router.idle().await;
        }
    }
}

/// Makes the tables and topics that the template declares.
pub fn furnish(account: &Sandbox, template: &Template) -> Result<()> {
    for (id, resource) in template.resources() {
        let reference = || template.reference(id);
        match resource.kind.as_str() {
            "AWS::DynamoDB::Table" => account.dynamodb().add_table(text(&reference()?)?),
            "AWS::SNS::Topic" => {
                let arn = reference()?;
                let name = text(&arn)?.rsplit(':').next().context("a topic's ARN ends with its name")?;
                account.sns().add_topic(name);
            }
            _ => {}
        }
    }
    Ok(())
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("a reference is text")
}
