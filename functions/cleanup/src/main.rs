//! Wiring of `cleanup`: settings, clients, Lambda's loop.

use autopilot::{announcement::Topic, desk::Desk};
use autopilot_aws::{
    apprunner::{AppRunner, AppRunnerWrite},
    cloudwatch::CloudWatch,
    dynamodb::Table,
    ec2::Ec2,
    eventbridge::Bus,
    route53::Route53,
    runtime,
};
use cleanup::{handler::Cleanup, settings::Settings, state::PARTITION};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let start = runtime::start("cleanup")?;
    let settings = Settings::from_environment(&start.environment)?;
    runtime::serve(Cleanup {
        apprunner: AppRunner::new(&start.sdk),
        changes: AppRunnerWrite::new(&start.sdk),
        ec2: Ec2::new(&start.sdk),
        traffic: CloudWatch::new(&start.sdk),
        dns: Route53::new(&start.sdk),
        desk: Desk {
            partition: PARTITION,
            topic: Topic::Cleanup,
            state: Table::new(&start.sdk, &settings.state_table),
            bus: Bus::new(&start.sdk),
        },
        settings,
    })
    .await
}
