//! What a function refuses to start with: the person who set it up reads why.

use anyhow::{Context as _, Result};
use autopilot_tests::{impatient, invoke, stage_with};
use sandbox::aws::Options;
use serde_json::json;

#[tokio::test]
async fn certificates_that_cannot_be_read_are_named() -> Result<()> {
    for (variable, place) in
        [("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_FILE", "/nowhere"), ("AWS_REGION", "")]
    {
        let mut host = impatient();
        host.variables.insert(variable.to_owned(), place.to_owned());
        let stage = stage_with(Options::default(), &host).await?;
        let result = invoke(&stage, &json!({"command": "test"})).await?;
        let error = result.error.context("it must not start")?;
        assert_eq!(error.error_type, "Runtime.ExitError", "{variable}={place}");
        let said = result.logs.iter().any(|line| line.text.contains(variable));
        assert!(said, "{variable}={place}: {:#?}", result.logs);
    }
    Ok(())
}
