//! Wiring of `notify`: settings, clients, Lambda's loop.

use autopilot_aws::{apprunner::AppRunner, dynamodb::Table, facts::Facts, logs::Logs, runtime, sns::Sns};
use notify::{handler::Notify, settings::Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let start = runtime::start("notify")?;
    let settings = Settings::from_environment(&start.environment)?;
    let apprunner = AppRunner::new(&start.sdk);
    runtime::serve(Notify {
        facts: Facts::new(&start.sdk, &apprunner),
        apprunner,
        logs: Logs::new(&start.sdk),
        state: Table::new(&start.sdk, &settings.state_table),
        topics: Sns::new(&start.sdk),
        settings,
    })
    .await
}
