//! Wiring of `rollback`: settings, clients, Lambda's loop.

use autopilot::{announcement::Topic, desk::Desk};
use autopilot_aws::{
    apprunner::{AppRunner, AppRunnerWrite},
    cloudwatch::CloudWatch,
    dynamodb::Table,
    ecr::Ecr,
    eventbridge::Bus,
    runtime,
};
use rollback::{case::PARTITION, handler::Rollback, settings::Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let start = runtime::start("rollback")?;
    let settings = Settings::from_environment(&start.environment)?;
    runtime::serve(Rollback {
        apprunner: AppRunner::new(&start.sdk),
        changes: AppRunnerWrite::new(&start.sdk),
        metrics: CloudWatch::new(&start.sdk),
        images: Ecr::new(&start.sdk),
        desk: Desk {
            partition: PARTITION,
            topic: Topic::Rollback,
            state: Table::new(&start.sdk, &settings.state_table),
            bus: Bus::new(&start.sdk),
        },
        settings,
    })
    .await
}
