//! Route 53 as ministack understands it, load balancers and certificates as moto does.
//!
//! What ministack enforces of a batch (exact deletion, all or nothing), the sandbox must enforce, too: the same
//! batches go to both, and both must take or refuse each. ministack lets a simple record stand beside weighted ones,
//! which Route 53 does not: only the sandbox can be asked about that.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use autopilot::{
    balancing::{CertificateStatus, TargetState},
    dns::{
        AliasTarget, Batch, Change, ChangeAction, ChangeStatus, HostedZoneId, RecordName, RecordSet,
        RecordType,
    },
    error::Class,
    ports::{BalancingRead as _, CertificateRead as _, DnsRead as _, DnsWrite as _},
};
use autopilot_aws::{
    acm::Acm,
    elbv2::Elbv2,
    route53::{Route53, Route53Write},
};
use autopilot_tests::{emulator::Emulator, permit::permit};
use aws_types::SdkConfig;
use sandbox::aws::{Options, Sandbox};
use serde_json::Value;

use crate::sdk;

fn record(name: &str, kind: RecordType, values: &[&str]) -> Result<RecordSet> {
    Ok(RecordSet {
        name: name.parse()?,
        kind,
        set_identifier: None,
        weight: None,
        ttl: Some(60),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        alias: None,
        health_check_id: None,
        rest: Vec::new(),
    })
}

fn weighted(record: &RecordSet, identifier: &str, weight: u8) -> RecordSet {
    RecordSet { set_identifier: Some(identifier.to_owned()), weight: Some(weight), ..record.clone() }
}

/// A batch, and whether Route 53 takes it.
type Step = (&'static str, Vec<(ChangeAction, RecordSet)>, bool);

/// The life of a shift's records, with the refusals that keep it safe.
fn steps() -> Result<Vec<Step>> {
    use ChangeAction::{Create, Delete, Upsert};
    let app = record("app.example.com", RecordType::A, &["192.0.2.1"])?;
    let alias = RecordSet {
        ttl: None,
        values: Vec::new(),
        alias: Some(AliasTarget {
            dns_name: "lb-1.us-east-1.elb.amazonaws.com".parse()?,
            hosted_zone_id: "Z35SXDOTRQ7X7K".parse()?,
            evaluate_target_health: false,
        }),
        ..app.clone()
    };
    let (from, to) = (weighted(&app, "from", 100), weighted(&alias, "to", 0));
    let (less, more) = (weighted(&app, "from", 90), weighted(&alias, "to", 10));
    let text = record("text.example.com", RecordType::Txt, &["\"a b\"", "\"<&>\""])?;
    let swap = |old: [&RecordSet; 2], new: [&RecordSet; 2]| {
        let deleted = old.into_iter().map(|record| (Delete, record.clone()));
        deleted.chain(new.into_iter().map(|record| (Create, record.clone()))).collect()
    };
    Ok(vec![
        ("a simple record", vec![(Create, app.clone()), (Upsert, text.clone())], true),
        ("the same again", vec![(Create, app.clone())], false),
        ("a deletion with another TTL", vec![(Delete, RecordSet { ttl: Some(61), ..app.clone() })], false),
        ("a deletion of what is not there", vec![(Delete, from.clone())], false),
        (
            "the pair in its place",
            vec![(Delete, app.clone()), (Create, from.clone()), (Create, to.clone())],
            true,
        ),
        (
            "the same swap again",
            vec![(Delete, app.clone()), (Create, from.clone()), (Create, to.clone())],
            false,
        ),
        ("a step", swap([&from, &to], [&less, &more]), true),
        ("a step from weights that are gone", swap([&from, &to], [&less, &more]), false),
        ("half a step that fits", swap([&less, &to], [&from, &more]), false),
        (
            "an alias with another target",
            vec![(
                Delete,
                RecordSet {
                    alias: app.alias.clone(),
                    ttl: Some(60),
                    values: app.values.clone(),
                    ..more.clone()
                },
            )],
            false,
        ),
        ("the way back", swap([&less, &more], [&from, &to]), true),
        ("back to the simple record", vec![(Delete, from), (Delete, to), (Create, app)], true),
        ("values with markup", vec![(Delete, text)], true),
    ])
}

/// Whether a batch was taken; then the change must come into sync.
async fn taken(sdk: &SdkConfig, zone: &HostedZoneId, changes: &[(ChangeAction, RecordSet)]) -> Result<bool> {
    let change =
        |(action, record): &(ChangeAction, RecordSet)| Change { action: *action, record: record.clone() };
    let (route53, write) = (Route53::new(sdk), Route53Write::new(sdk));
    let batch = Batch { comment: Some("a shift".to_owned()), changes: changes.iter().map(change).collect() };
    match write.change(&permit()?, zone, &batch).await {
        Ok(id) => {
            for _ in 0..50 {
                if route53.change_status(&id).await? == ChangeStatus::InSync {
                    return Ok(true);
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            anyhow::bail!("{id} stays pending")
        }
        Err(error) => {
            assert_eq!(
                (error.class, error.code.as_deref()),
                (Class::Permanent, Some("InvalidChangeBatch")),
                "{error}"
            );
            Ok(false)
        }
    }
}

#[tokio::test]
async fn sandbox_and_ministack_take_and_refuse_the_same_batches() -> Result<()> {
    let ministack = Emulator::ministack().await?;
    let seeded = ministack
        .seed("print(json.dumps(client('route53').create_hosted_zone(Name='example.com', CallerReference='1')['HostedZone']['Id']))")
        .await?;
    let account = Sandbox::start(Options::default()).await?;
    account.route53().add_zone("Z0EXAMPLE", "example.com");
    let theirs: HostedZoneId = seeded.as_str().context("an ID")?.parse()?;
    let ours: HostedZoneId = "Z0EXAMPLE".parse()?;
    let names: BTreeSet<RecordName> =
        BTreeSet::from(["app.example.com".parse()?, "text.example.com".parse()?]);
    let (their_sdk, our_sdk) = (sdk(ministack.endpoint())?, sdk(account.endpoint())?);
    let (their53, our53) = (Route53::new(&their_sdk), Route53::new(&our_sdk));
    for (what, changes, takes) in steps()? {
        assert_eq!(taken(&our_sdk, &ours, &changes).await?, takes, "the sandbox, {what}");
        assert_eq!(taken(&their_sdk, &theirs, &changes).await?, takes, "ministack, {what}");
        let (mine, other) = (our53.records(&ours, &names).await?, their53.records(&theirs, &names).await?);
        assert_eq!(mine, other, "after {what}");
    }
    for (route53, zone) in [(&our53, &ours), (&their53, &theirs)] {
        let found = route53.zone(zone).await?.context("a zone")?;
        assert_eq!((found.name.as_str(), found.private), ("example.com.", false));
        assert_eq!(route53.zone(&"Z0NONE".parse()?).await?, None);
    }
    Ok(())
}

#[tokio::test]
async fn pages_of_ministack_are_read_to_their_end() -> Result<()> {
    let ministack = Emulator::ministack().await?;
    let seeded = ministack
        .seed(
            "r = client('route53')\n\
             zone = r.create_hosted_zone(Name='example.com', CallerReference='1')['HostedZone']['Id']\n\
             def record(n, i):\n    return dict(Name=f'n{n}.example.com', Type='A', SetIdentifier=i, Weight=1, TTL=60, \
             ResourceRecords=[dict(Value='192.0.2.1')])\n\
             for n in range(350):\n    r.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=dict(Changes=[\
             dict(Action='CREATE', ResourceRecordSet=record(n, i)) for i in ('from', 'to')]))\n\
             print(json.dumps(zone))\n",
        )
        .await?;
    let zone: HostedZoneId = seeded.as_str().context("an ID")?.parse()?;
    let wanted = [0, 99, 149, 150, 299, 349].map(|n| format!("n{n}.example.com"));
    let names = wanted.iter().map(|name| Ok(name.parse()?)).collect::<Result<BTreeSet<RecordName>>>()?;
    let route53 = Route53::new(&sdk(ministack.endpoint())?);
    let found = route53.records(&zone, &names).await?;
    let seen: BTreeSet<&RecordName> = found.iter().map(|record| &record.name).collect();
    assert_eq!((found.len(), seen), (12, names.iter().collect()));
    Ok(())
}

#[tokio::test]
async fn load_balancers_of_moto() -> Result<()> {
    let moto = Emulator::moto().await?;
    let seeded = moto
        .seed(
            "ec2, elb = client('ec2'), client('elbv2')\n\
             vpc = ec2.create_vpc(CidrBlock='10.0.0.0/16')['Vpc']['VpcId']\n\
             subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f'10.0.{n}.0/24', AvailabilityZone=f'us-east-1{z}')\
             ['Subnet']['SubnetId'] for n, z in ((1, 'a'), (2, 'b'))]\n\
             lb = elb.create_load_balancer(Name='shop', Subnets=subnets)['LoadBalancers'][0]['LoadBalancerArn']\n\
             def group(name):\n    return elb.create_target_group(Name=name, Protocol='HTTP', Port=80, VpcId=vpc, \
             TargetType='ip')['TargetGroups'][0]['TargetGroupArn']\n\
             blue, green = group('blue'), group('green')\n\
             elb.register_targets(TargetGroupArn=blue, Targets=[dict(Id='10.0.1.7')])\n\
             cert = client('acm').request_certificate(DomainName='example.com', \
             SubjectAlternativeNames=['*.example.com'])['CertificateArn']\n\
             listener = elb.create_listener(LoadBalancerArn=lb, Protocol='HTTPS', Port=443, \
             Certificates=[dict(CertificateArn=cert)], DefaultActions=[dict(Type='fixed-response', \
             FixedResponseConfig=dict(StatusCode='404'))])['Listeners'][0]['ListenerArn']\n\
             elb.create_rule(ListenerArn=listener, Priority=1, Conditions=[dict(Field='host-header', \
             HostHeaderConfig=dict(Values=['app.example.com']))], Actions=[dict(Type='forward', ForwardConfig=dict(\
             TargetGroups=[dict(TargetGroupArn=blue, Weight=1), dict(TargetGroupArn=green, Weight=1)]))])\n\
             elb.create_rule(ListenerArn=listener, Priority=2, Conditions=[dict(Field='path-pattern', \
             Values=['/admin'])], Actions=[dict(Type='forward', TargetGroupArn=blue)])\n\
             print(json.dumps([lb, blue, green, cert, listener]))\n",
        )
        .await?;
    let arns: Vec<String> = serde_json::from_value::<Vec<Value>>(seeded)?
        .into_iter()
        .map(|arn| arn.as_str().map(str::to_owned).context("an ARN"))
        .collect::<Result<_>>()?;
    let [balancer, blue, green, certificate, listener] = &arns[..] else { anyhow::bail!("{arns:?}") };
    let sdk = sdk(moto.endpoint())?;
    let (elbv2, acm) = (Elbv2::new(&sdk), Acm::new(&sdk));
    let balancers = elbv2.load_balancers(std::slice::from_ref(balancer)).await?;
    assert!(balancers[0].dns_name.to_string().starts_with("shop-"), "{balancers:?}");
    assert_eq!((balancers[0].state.as_deref(), balancers[0].dual_stack), (Some("active"), false));
    let mut behind: Vec<String> = elbv2.groups_behind(balancer).await?.into_iter().map(|it| it.arn).collect();
    behind.sort();
    let mut groups = vec![blue.clone(), green.clone()];
    groups.sort();
    assert_eq!(behind, groups);
    let group = &elbv2.target_groups(std::slice::from_ref(blue)).await?[0];
    // moto names a load balancer once for each rule.
    assert!(
        group.load_balancers.contains(balancer) && group.load_balancers.iter().all(|arn| arn == balancer)
    );
    let targets = elbv2.target_health(blue).await?;
    assert_eq!((targets[0].id.as_str(), &targets[0].state), ("10.0.1.7", &TargetState::Healthy));
    let listeners = elbv2.listeners(balancer).await?;
    assert_eq!((&listeners[0].arn, listeners[0].port), (listener, Some(443)));
    assert_eq!(elbv2.listener_certificates(listener).await?, std::slice::from_ref(certificate));
    let rules = elbv2.rules(listener).await?;
    let own = rules.iter().find(|rule| !rule.hosts.is_empty()).context("a rule for a host")?;
    assert_eq!((&own.hosts[..], own.has_other_conditions), (&["app.example.com".to_owned()][..], false));
    assert_eq!(own.target_groups, [blue.clone(), green.clone()]);
    assert_eq!(rules.iter().filter(|rule| rule.has_other_conditions).count(), 1, "the path's");
    assert_eq!(rules.iter().filter(|rule| rule.is_default && rule.target_groups.is_empty()).count(), 1);
    let found = acm.certificate(certificate).await?.context("a certificate")?;
    assert!(found.names.contains(&"*.example.com".to_owned()), "{found:?}");
    assert!(matches!(found.status, CertificateStatus::Issued | CertificateStatus::PendingValidation));
    let missing = elbv2.target_health(&blue.replace("blue", "none")).await.unwrap_err();
    assert_eq!(missing.code.as_deref(), Some("TargetGroupNotFound"));
    Ok(())
}
