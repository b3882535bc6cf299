//! The whole of the successor, for a preflight: load balancer, target groups, listeners, rules, certificates.

use autopilot::{
    balancing::{Certificate, ExpressStatus, Listener, LoadBalancer, TargetGroup},
    error::{FieldError, PortError},
    ports::{BalancingRead, CertificateRead, ExpressRead},
};
use futures_util::future::{join, join_all};

use crate::{
    plan::{Plan, Target},
    preflight::target_field,
    successor::{Entrance, Group, Successor, watched_of},
    world::World,
};

/// Looks at everything; what cannot be found or read is in [`Successor::trouble`].
pub async fn inspect<W: World>(world: &W, plan: &Plan) -> Successor {
    let mut found = Successor::default();
    let arns = match &plan.to.target {
        Target::ExpressServiceArn(arn) => match world.express().express_service(arn).await {
            Ok(Some(express)) => {
                let watched = watched_of(&express);
                if express.status != ExpressStatus::Active {
                    found.trouble.push(trouble(plan, "is not active: it was deleted"));
                } else if watched.target_groups.is_empty() {
                    found.trouble.push(trouble(plan, "has no target group yet; wait until it is deployed"));
                }
                found.express = Some(express);
                watched.target_groups
            }
            Ok(None) => {
                found.trouble.push(trouble(plan, "is no Express service of this account and Region"));
                Vec::new()
            }
            Err(error) => {
                found.trouble.push(unread(plan, &error));
                Vec::new()
            }
        },
        _ => plan.to.target_group_arns.clone(),
    };
    if arns.is_empty() {
        return found;
    }
    let groups = match world.balancing().target_groups(&arns).await {
        Ok(groups) => groups,
        Err(error) => {
            found.trouble.push(unread_at("plan.to.target_group_arns", &error));
            return found;
        }
    };
    for (index, arn) in
        arns.iter().enumerate().filter(|(_, arn)| !groups.iter().any(|group| group.arn == **arn))
    {
        let field = format!("plan.to.target_group_arns[{index}]");
        found.trouble.push(FieldError::new(field, format!("{arn} does not exist")));
    }
    let hosts = join_all(groups.iter().map(|group| world.balancing().target_health(&group.arn)));
    let (hosts, in_front) = join(hosts, in_front(world, plan, &groups)).await;
    found.groups = groups
        .iter()
        .zip(hosts)
        .map(|(group, hosts)| Group {
            arn: group.arn.clone(),
            load_balancers: group.load_balancers.clone(),
            hosts: hosts.map_err(|error| error.in_short()),
        })
        .collect();
    match in_front {
        Ok(balancer) => {
            let (entrances, neighbours) =
                join(entrances(world, &balancer), neighbours(world, &balancer, &arns)).await;
            match entrances {
                Ok(entrances) => found.entrances = entrances,
                Err(error) => found.trouble.push(unread(plan, &error)),
            }
            match neighbours {
                Ok(neighbours) => found.neighbours = neighbours,
                Err(error) => found.trouble.push(unread(plan, &error)),
            }
            found.load_balancer = Some(balancer);
        }
        Err(error) => found.trouble.push(error),
    }
    found
}

fn trouble(plan: &Plan, message: &str) -> FieldError {
    FieldError::new(target_field(plan), message)
}

fn unread(plan: &Plan, error: &PortError) -> FieldError {
    unread_at(target_field(plan), error)
}

fn unread_at(field: &str, error: &PortError) -> FieldError {
    FieldError::new(field, format!("could not be checked: {}: {}", error.call, error.in_short()))
}

/// The load balancer in front of all these groups.
async fn in_front<W: World>(
    world: &W,
    plan: &Plan,
    groups: &[TargetGroup],
) -> Result<LoadBalancer, FieldError> {
    let mut arns: Vec<String> =
        groups.iter().flat_map(|group| group.load_balancers.iter().cloned()).collect();
    arns.sort();
    arns.dedup();
    let message = match arns.len() {
        1 => match world.balancing().load_balancers(&arns).await {
            Ok(balancers) => match balancers.into_iter().next() {
                Some(balancer) => return Ok(balancer),
                None => "its load balancer does not exist".to_owned(),
            },
            Err(error) => return Err(unread(plan, &error)),
        },
        0 => "no load balancer sends traffic to the target groups".to_owned(),
        many => format!("the target groups are behind {many} load balancers; expected one"),
    };
    Err(FieldError::new("plan.to.target_group_arns", message))
}

async fn neighbours<W: World>(
    world: &W,
    balancer: &LoadBalancer,
    own: &[String],
) -> Result<usize, PortError> {
    let groups = world.balancing().groups_behind(&balancer.arn).await?;
    Ok(groups.iter().filter(|group| !own.contains(&group.arn)).count())
}

async fn entrances<W: World>(world: &W, balancer: &LoadBalancer) -> Result<Vec<Entrance>, PortError> {
    let listeners = world.balancing().listeners(&balancer.arn).await?;
    let secure = listeners.into_iter().filter(|listener| listener.protocol.as_deref() == Some("HTTPS"));
    join_all(secure.map(|listener| entrance(world, listener))).await.into_iter().collect()
}

async fn entrance<W: World>(world: &W, listener: Listener) -> Result<Entrance, PortError> {
    let (rules, certificates) =
        join(world.balancing().rules(&listener.arn), world.balancing().listener_certificates(&listener.arn))
            .await;
    let certificates = certificates?;
    let read = certificates.iter().map(|arn| world.certificates().certificate(arn));
    let found: Vec<Option<Certificate>> = join_all(read).await.into_iter().collect::<Result<_, _>>()?;
    Ok(Entrance { listener, rules: rules?, certificates: found.into_iter().flatten().collect() })
}
