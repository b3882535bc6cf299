//! EC2, IAM, ECR and CloudWatch as moto understands them.

use anyhow::{Context as _, Result};
use autopilot::{
    analysis::{Batch, Checks, Source, Target, Verdict, judge},
    evidence::DefaultRoute,
    facts::trusts,
    ports::{ImageDigests as _, ImageRead as _, MetricsRead as _, RoleRead as _, SubnetRead as _, Window},
};
use autopilot_aws::{cloudwatch::CloudWatch, ec2::Ec2, ecr::Ecr, iam::Iam};
use autopilot_tests::emulator::Emulator;
use jiff::{SignedDuration, Timestamp};

use crate::sdk;

#[tokio::test]
async fn ec2_subnets_and_their_ways_out() -> Result<()> {
    let moto = Emulator::moto().await?;
    let seeded = moto
        .seed(
            "ec2 = client('ec2')\n\
             vpc = ec2.create_vpc(CidrBlock='10.0.0.0/16')['Vpc']['VpcId']\n\
             def subnet(block):\n    return ec2.create_subnet(VpcId=vpc, CidrBlock=block)['Subnet']['SubnetId']\n\
             public, private, plain = subnet('10.0.1.0/24'), subnet('10.0.2.0/24'), subnet('10.0.3.0/28')\n\
             igw = ec2.create_internet_gateway()['InternetGateway']['InternetGatewayId']\n\
             ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)\n\
             def table(subnet, **target):\n    \
             table = ec2.create_route_table(VpcId=vpc)['RouteTable']['RouteTableId']\n    \
             ec2.create_route(RouteTableId=table, DestinationCidrBlock='0.0.0.0/0', **target)\n    \
             ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)\n\
             table(public, GatewayId=igw)\n\
             address = ec2.allocate_address(Domain='vpc')['AllocationId']\n\
             nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)['NatGateway']['NatGatewayId']\n\
             table(private, NatGatewayId=nat)\n\
             print(json.dumps([public, private, plain]))\n",
        )
        .await?;
    let ids: Vec<String> = serde_json::from_value(seeded)?;
    let mut found = Ec2::new(&sdk(moto.endpoint())?).subnets(&ids).await?;
    found.sort_by_key(|subnet| ids.iter().position(|id| *id == subnet.id));
    let routes: Vec<_> = found.iter().map(|subnet| subnet.default_route).collect();
    assert_eq!(
        routes,
        [Some(DefaultRoute::InternetGateway), Some(DefaultRoute::Nat), Some(DefaultRoute::Missing)]
    );
    assert_eq!(found[2].free_addresses, Some(11), "a /28 has 16 addresses, of which AWS keeps 5");
    assert!(found[0].availability_zone_id.as_deref().is_some_and(|zone| zone.starts_with("use1-az")));
    let gone = Ec2::new(&sdk(moto.endpoint())?).subnets(&["subnet-0123456789abcdef0".to_owned()]).await;
    assert_eq!(gone.unwrap_err().code.as_deref(), Some("InvalidSubnetID.NotFound"));
    Ok(())
}

#[tokio::test]
async fn iam_roles_and_whom_they_trust() -> Result<()> {
    let moto = Emulator::moto().await?;
    moto.seed(
        "policy = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'sts:AssumeRole', \
         'Principal': {'Service': 'build.apprunner.amazonaws.com'}}]}\n\
         client('iam').create_role(RoleName='access', Path='/service/', AssumeRolePolicyDocument=json.dumps(policy))\n\
         print('{}')\n",
    )
    .await?;
    let iam = Iam::new(&sdk(moto.endpoint())?);
    let role = iam.role("arn:aws:iam::123456789012:role/service/access").await?.context("a role")?;
    assert_eq!(trusts(&role.trust_policy, "build.apprunner.amazonaws.com"), Some(true));
    assert_eq!(trusts(&role.trust_policy, "tasks.apprunner.amazonaws.com"), Some(false));
    assert!(role.created_at.is_some());
    assert_eq!(iam.role("arn:aws:iam::123456789012:role/none").await?, None);
    Ok(())
}

#[tokio::test]
async fn ecr_images_by_tag_and_what_is_missing() -> Result<()> {
    let moto = Emulator::moto().await?;
    moto.seed(
        "ecr = client('ecr')\n\
         ecr.create_repository(repositoryName='orders')\n\
         kind = 'application/vnd.oci.image.manifest.v1+json'\n\
         entry = {'mediaType': kind, 'digest': 'sha256:' + 'a' * 64, 'size': 7, \
         'platform': {'architecture': 'arm64', 'os': 'linux'}}\n\
         index = {'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.index.v1+json', 'manifests': [entry]}\n\
         ecr.put_image(repositoryName='orders', imageTag='v7', imageManifest=json.dumps(index), \
         imageManifestMediaType=index['mediaType'])\n\
         print('{}')\n",
    )
    .await?;
    let ecr = Ecr::new(&sdk(moto.endpoint())?);
    let registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let image = ecr.image(&format!("{registry}/orders:v7")).await?;
    assert_eq!((image.exists, image.platforms), (Some(true), Some(vec!["linux/arm64".to_owned()])));
    let pushed = ecr.resolve(&format!("{registry}/orders:v7").parse()?).await?.context("an image")?;
    assert!(pushed.digest.starts_with("sha256:") && pushed.pushed_at.is_some(), "{pushed:?}");
    for missing in ["orders:v8", "nowhere:v7"] {
        assert_eq!(ecr.image(&format!("{registry}/{missing}")).await?.exists, Some(false), "{missing}");
        assert_eq!(ecr.resolve(&format!("{registry}/{missing}").parse()?).await?, None, "{missing}");
    }
    Ok(())
}

#[tokio::test]
async fn cloudwatch_gives_the_highest_value_of_the_time_asked_for() -> Result<()> {
    let moto = Emulator::moto().await?;
    moto.seed(
        "at = datetime.datetime(2026, 11, 20, 10, 5, tzinfo=datetime.timezone.utc)\n\
         dimensions = [{'Name': 'ServiceName', 'Value': 'orders'}, {'Name': 'ServiceID', 'Value': '8fe1'}]\n\
         for minutes, value in ((0, 40), (1, 97.5), (120, 99)):\n    \
         client('cloudwatch').put_metric_data(Namespace='AWS/AppRunner', MetricData=[{'MetricName': 'MemoryUtilization', \
         'Dimensions': dimensions, 'Timestamp': at + datetime.timedelta(minutes=minutes), 'Value': value}])\n\
         print('{}')\n",
    )
    .await?;
    let service = "arn:aws:apprunner:us-east-1:123456789012:service/orders/8fe1".parse()?;
    let start: Timestamp = "2026-11-20T10:00:00Z".parse()?;
    let window = Window { start, end: start + SignedDuration::from_mins(30) };
    let metrics = CloudWatch::new(&sdk(moto.endpoint())?).highest(&service, window).await?;
    assert_eq!(metrics.highest("memoryutili"), Some(97.5));
    Ok(())
}

#[tokio::test]
async fn cloudwatch_judges_a_load_balancer_by_target_groups_and_alarms() -> Result<()> {
    let moto = Emulator::moto().await?;
    moto.seed(
        "at = datetime.datetime(2026, 11, 20, 10, 5, tzinfo=datetime.timezone.utc)\n\
         cw = client('cloudwatch')\n\
         def put(group, name, value, at=at):\n    \
         cw.put_metric_data(Namespace='AWS/ApplicationELB', MetricData=[{'MetricName': name, 'Timestamp': at, \
         'Value': value, 'Dimensions': [{'Name': 'LoadBalancer', 'Value': 'app/a/1'}, \
         {'Name': 'TargetGroup', 'Value': 'targetgroup/' + group + '/1'}]}])\n\
         for group, requests in (('blue', 60), ('green', 40)):\n    \
         put(group, 'RequestCount', requests)\n    put(group, 'HealthyHostCount', 1)\n    \
         put(group, 'HealthyHostCount', 1, at + datetime.timedelta(days=365, minutes=-6))\n\
         put('green', 'HTTPCode_Target_5XX_Count', 7)\n\
         for name, state in (('fine', 'OK'), ('loud', 'ALARM'), ('blind', 'INSUFFICIENT_DATA')):\n    \
         cw.put_metric_alarm(AlarmName=name, MetricName='m', Namespace='n', Period=60, EvaluationPeriods=1, \
         Threshold=1, ComparisonOperator='GreaterThanThreshold', Statistic='Sum')\n    \
         cw.set_alarm_state(AlarmName=name, StateValue=state, StateReason='test')\n\
         print('{}')\n",
    )
    .await?;
    let groups = ["blue", "green"].map(|group| format!("targetgroup/{group}/1"));
    let source = Source::LoadBalancer { load_balancer: "app/a/1".to_owned(), target_groups: groups.to_vec() };
    let alarms = ["fine", "loud", "blind", "missing"].map(str::to_owned).to_vec();
    let checks = Checks { max_error_share: 0.05, min_requests: 50, max_latency: None, alarms };
    let start: Timestamp = "2026-11-20T10:00:00Z".parse()?;
    // It ends far ahead, since moto's alarms change by the machine's clock.
    let window = Window { start, end: start + SignedDuration::from_hours(24 * 365) };
    let cloudwatch = CloudWatch::new(&sdk(moto.endpoint())?);
    let batch = Batch::of(vec![Target { source: &source, checks: &checks, window }]);
    let answers = batch.ask(&cloudwatch).await;
    assert!(answers.errors.is_empty(), "{:?}", answers.errors);
    let found = judge(&answers.observations[0], &checks);
    let says: Vec<_> = found.checks.iter().map(|check| (check.name.as_str(), check.verdict)).collect();
    let expected = [
        ("error-share", Verdict::Fail),
        ("hosts", Verdict::Pass),
        ("connections", Verdict::Pass),
        ("alarm:fine", Verdict::Pass),
        ("alarm:loud", Verdict::Fail),
        ("alarm:blind", Verdict::Inconclusive),
        ("alarm:missing", Verdict::Inconclusive),
    ];
    assert_eq!(says, expected, "{found}");
    assert_eq!(found.checks[0].measured, Some(0.07));
    Ok(())
}
