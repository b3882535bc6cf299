//! Wiring of `shift`: settings, clients, Lambda's loop.

use autopilot::{announcement::Topic, desk::Desk};
use autopilot_aws::{
    acm::Acm,
    apprunner::AppRunner,
    cloudwatch::CloudWatch,
    dynamodb::Table,
    ecs::Ecs,
    elbv2::Elbv2,
    eventbridge::Bus,
    route53::{Route53, Route53Write},
    runtime,
};
use shift::{
    advance::{PARTITION, Shifts},
    settings::Settings,
    world::{Clients, Paced},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let start = runtime::start("shift")?;
    let settings = Settings::from_environment(&start.environment)?;
    runtime::serve(Shifts {
        world: Clients {
            dns: Paced::new(Route53::new(&start.sdk), Route53Write::new(&start.sdk)),
            apprunner: AppRunner::new(&start.sdk),
            balancing: Elbv2::new(&start.sdk),
            certificates: Acm::new(&start.sdk),
            express: Ecs::new(&start.sdk),
            metrics: CloudWatch::new(&start.sdk),
        },
        desk: Desk {
            partition: PARTITION,
            topic: Topic::TrafficShift,
            state: Table::new(&start.sdk, &settings.state_table),
            bus: Bus::new(&start.sdk),
        },
    })
    .await
}
