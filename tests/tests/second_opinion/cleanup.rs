//! `cleanup`, the real binary, against moto's EC2; everything else is the sandbox's.

use std::time::Duration;

use anyhow::{Result, bail};
use autopilot_tests::{ask, emulator::Emulator, hosting, stage_of};
use sandbox::aws::{
    Options,
    apprunner::{IngressStatus, ServiceSpec},
};
use serde_json::json;

#[tokio::test]
async fn cleanup_marks_and_deletes_endpoints_of_motos_ec2() -> Result<()> {
    const CLEANUP: &str = "CleanupFunction";
    let moto = Emulator::moto().await?;
    let seeded = moto
        .seed(
            "ec2 = client('ec2')\n\
             vpc = ec2.create_vpc(CidrBlock='10.0.0.0/16')['Vpc']['VpcId']\n\
             subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=block)['Subnet']['SubnetId'] \
             for block in ('10.0.1.0/24', '10.0.2.0/24')]\n\
             def endpoint(service, kind='Interface', **tags):\n    \
             tags = [{'Key': key, 'Value': value} for key, value in tags.items()]\n    \
             made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName='com.amazonaws.us-east-1.' + service, \
             VpcEndpointType=kind, SubnetIds=subnets, \
             TagSpecifications=[{'ResourceType': 'vpc-endpoint', 'Tags': tags}] if tags else [])\n    \
             return made['VpcEndpoint']['VpcEndpointId']\n\
             keep = {'apprunner-autopilot:keep': 'true'}\n\
             print(json.dumps([endpoint('apprunner.requests'), endpoint('apprunner.requests'), endpoint('apprunner'), \
             endpoint('apprunner.requests', **keep), endpoint('apprunner.requests')]))\n",
        )
        .await?;
    let ids: Vec<String> = serde_json::from_value(seeded)?;
    let [orphan, used, _, _, late] = ids.as_slice() else { bail!("five endpoints were made") };
    let mut host = hosting(&[CLEANUP]);
    host.variables.insert("AWS_ENDPOINT_URL_EC2".to_owned(), moto.endpoint().to_owned());
    let parameters = [("CleanupMode", "on"), ("GracePeriod", "1s"), ("MinimumAge", "1s")];
    let stage = stage_of(&parameters, Options::default(), &host).await?;
    let services = stage.account.services();
    let service = services.create(ServiceSpec::image("orders", autopilot_tests::IMAGE))?;
    services.add_ingress("in", &service, "vpc-1", used, IngressStatus::Available);
    let states = async || {
        let script = "found = client('ec2').describe_vpc_endpoints()['VpcEndpoints']\n\
            print(json.dumps({e['VpcEndpointId']: [e['State'], [t['Key'] for t in e['Tags']]] for e in found}))\n";
        moto.seed(script).await
    };
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    let answer = ask(&stage, CLEANUP, &json!({"command": "run"})).await?;
    let marked = states().await?;
    for id in &ids {
        let is_marked = marked[id].to_string().contains("orphaned-since");
        let is_orphan = [orphan, late].contains(&id);
        assert_eq!((&marked[id][0], is_marked), (&json!("available"), is_orphan), "{marked} {answer}");
    }
    services.add_ingress("late", &service, "vpc-1", late, IngressStatus::PendingCreation);
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    let answer = ask(&stage, CLEANUP, &json!({"command": "run"})).await?;
    let states = states().await?;
    assert_eq!(states[orphan][0], "deleted", "{answer}");
    assert_eq!(states[late][1], json!([]), "it was taken into use and lost its mark: {answer}");
    assert!(ids[1..].iter().all(|other| states[other][0] == "available"), "{states} {answer}");
    let last = ask(&stage, CLEANUP, &json!({"command": "run"})).await?;
    assert_eq!(
        (&last["decision"], &last["acts"]),
        (&json!("rest"), &json!([])),
        "moto goes on listing what is deleted"
    );
    Ok(())
}
