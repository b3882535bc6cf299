//! Wiring of `rebuild`: settings, clients, Lambda's loop.

use autopilot::{announcement::Topic, desk::Desk};
use autopilot_aws::{
    apprunner::{AppRunner, AppRunnerWrite},
    dynamodb::Table,
    eventbridge::Bus,
    facts::Facts,
    logs::Logs,
    runtime,
};
use rebuild::{case::PARTITION, handler::Rebuild, settings::Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let start = runtime::start("rebuild")?;
    let settings = Settings::from_environment(&start.environment)?;
    let apprunner = AppRunner::new(&start.sdk);
    runtime::serve(Rebuild {
        facts: Facts::new(&start.sdk, &apprunner),
        apprunner,
        changes: AppRunnerWrite::new(&start.sdk),
        logs: Logs::new(&start.sdk),
        desk: Desk {
            partition: PARTITION,
            topic: Topic::Rebuild,
            state: Table::new(&start.sdk, &settings.state_table),
            bus: Bus::new(&start.sdk),
        },
        settings,
    })
    .await
}
