//! Load balancers, certificates and Express services, as a shift reads them.

use anyhow::{Context as _, Result};
use autopilot::{
    balancing::{CertificateStatus, ExpressStatus, Listener, LoadBalancerKind, TargetState},
    error::Class,
    ports::{BalancingRead as _, CertificateRead as _, ExpressRead as _},
};
use autopilot_aws::{acm::Acm, ecs::Ecs, elbv2::Elbv2};
use sandbox::aws::{
    Fault,
    ecs::Ingress,
    elbv2::{LoadBalancerSpec, RuleSpec},
};

use crate::{account, sdk};

fn forward(hosts: &[&str], paths: &[&str], groups: &[&str]) -> RuleSpec {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    RuleSpec { hosts: owned(hosts), paths: owned(paths), target_groups: owned(groups) }
}

#[tokio::test]
async fn a_load_balancer_is_read_with_all_behind_it() -> Result<()> {
    let account = account().await?;
    let elb = account.elbv2();
    let shop = elb.add_load_balancer(&LoadBalancerSpec::application("shop"));
    let spec = LoadBalancerSpec { dual_stack: true, ..LoadBalancerSpec::application("other") };
    let other = elb.add_load_balancer(&spec);
    let groups: Vec<String> =
        ["blue", "green"].iter().map(|name| elb.add_target_group(name, Some(&shop))).collect();
    let loose = elb.add_target_group("loose", None);
    let (blue, green) = (groups[0].as_str(), groups[1].as_str());
    elb.set_targets(blue, &[("10.0.0.1", "healthy"), ("10.0.0.2", "unhealthy"), ("10.0.0.3", "new-word")]);
    elb.add_listener(&shop, 80, "HTTP", &[], &RuleSpec::default());
    let https = elb.add_listener(&shop, 443, "HTTPS", &["arn:c1", "arn:c2"], &forward(&[], &[], &[green]));
    let own = elb.add_rule(&https, "1", &forward(&["app.example.com", "*.example.org"], &[], &[blue, green]));
    elb.add_rule(&https, "2", &forward(&["app.example.com"], &["/admin"], &[blue]));
    for page_size in [400, 1] {
        elb.set_page_size(page_size);
        let elbv2 = Elbv2::new(&sdk(&account)?);
        let found = elbv2.load_balancers(&[shop.clone(), other.clone()]).await?;
        assert_eq!(found[0].dns_name.to_string(), "shop-1.us-east-1.elb.amazonaws.com");
        assert_eq!(
            (found[0].hosted_zone_id.as_str(), &found[0].kind),
            ("Z35SXDOTRQ7X7K", &LoadBalancerKind::Application)
        );
        assert_eq!(
            (found[0].state.as_deref(), found[0].dual_stack, found[1].dual_stack),
            (Some("active"), false, true)
        );
        let of_groups = elbv2.target_groups(&[blue.to_owned(), loose.clone()]).await?;
        assert_eq!(
            (&of_groups[0].load_balancers, of_groups[1].load_balancers.len()),
            (&vec![shop.clone()], 0)
        );
        let behind: Vec<String> =
            elbv2.groups_behind(&shop).await?.into_iter().map(|group| group.arn).collect();
        assert_eq!(behind, groups);
        let targets = elbv2.target_health(blue).await?;
        let states: Vec<&TargetState> = targets.iter().map(|target| &target.state).collect();
        let new_word = TargetState::Other("new-word".to_owned());
        assert_eq!(states, [&TargetState::Healthy, &TargetState::Unhealthy, &new_word]);
        assert_eq!(targets[1].reason.as_deref(), Some("Target.FailedHealthChecks"));
        assert!(elbv2.target_health(green).await?.is_empty());
        let listeners = elbv2.listeners(&shop).await?;
        let shown = Listener { arn: https.clone(), port: Some(443), protocol: Some("HTTPS".to_owned()) };
        assert_eq!((listeners.len(), &listeners[1]), (2, &shown));
        assert_eq!(elbv2.listener_certificates(&https).await?, ["arn:c1", "arn:c2"]);
        let rules = elbv2.rules(&https).await?;
        assert_eq!(
            (&rules[0].arn, &rules[0].hosts),
            (&own, &vec!["app.example.com".to_owned(), "*.example.org".to_owned()])
        );
        assert_eq!(rules[0].target_groups, groups);
        let others: Vec<_> = rules.iter().map(|rule| (rule.is_default, rule.has_other_conditions)).collect();
        assert_eq!(others, [(false, false), (false, true), (true, false)]);
        assert_eq!(rules[2].target_groups, [green]);
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_permanent_and_nothing_wanted_asks_nothing() -> Result<()> {
    let account = account().await?;
    let elbv2 = Elbv2::new(&sdk(&account)?);
    assert!(elbv2.load_balancers(&[]).await?.is_empty() && elbv2.target_groups(&[]).await?.is_empty());
    assert!(account.requests().all().is_empty(), "without an ARN all would be listed");
    let none = "arn:aws:elasticloadbalancing:us-east-1:123456789012:x".to_owned();
    let refusals = [
        (elbv2.load_balancers(std::slice::from_ref(&none)).await.unwrap_err(), "LoadBalancerNotFound"),
        (elbv2.target_groups(std::slice::from_ref(&none)).await.unwrap_err(), "TargetGroupNotFound"),
        (elbv2.groups_behind(&none).await.unwrap_err(), "LoadBalancerNotFound"),
        (elbv2.target_health(&none).await.unwrap_err(), "TargetGroupNotFound"),
        (elbv2.listeners(&none).await.unwrap_err(), "LoadBalancerNotFound"),
        (elbv2.rules(&none).await.unwrap_err(), "ListenerNotFound"),
        (elbv2.listener_certificates(&none).await.unwrap_err(), "ListenerNotFound"),
    ];
    for (error, code) in refusals {
        assert_eq!((error.class, error.code.as_deref()), (Class::Permanent, Some(code)));
    }
    account.faults().always("elbv2", "DescribeRules", Fault::Throttle);
    let throttled = elbv2.rules(&none).await.unwrap_err();
    assert_eq!((throttled.class, throttled.code.as_deref()), (Class::Retryable, Some("Throttling")));
    Ok(())
}

#[tokio::test]
async fn a_certificate_tells_its_names_and_whether_it_may_be_used() -> Result<()> {
    let account = account().await?;
    let acm = Acm::new(&sdk(&account)?);
    let arn = account.acm().add_certificate(&["example.com", "*.example.com"], "ISSUED");
    let found = acm.certificate(&arn).await?.context("a certificate")?;
    assert_eq!(found.status, CertificateStatus::Issued);
    assert_eq!(found.names, ["example.com", "*.example.com"]);
    assert_eq!(acm.certificate("arn:aws:acm:us-east-1:123456789012:certificate/none").await?, None);
    let no_arn = acm.certificate("none").await.unwrap_err();
    assert_eq!((no_arn.class, no_arn.code.as_deref()), (Class::Permanent, Some("InvalidArnException")));
    Ok(())
}

#[tokio::test]
async fn an_express_service_is_followed_through_a_deployment() -> Result<()> {
    let account = account().await?;
    let ecs = Ecs::new(&sdk(&account)?);
    let ingress = |groups: &[&str]| Ingress {
        load_balancer: "arn:lb".to_owned(),
        listener: "arn:listener".to_owned(),
        rule: "arn:rule".to_owned(),
        certificate: "arn:certificate".to_owned(),
        target_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    };
    let arn = account.ecs().add_express_service("apps", "orders", &ingress(&["arn:blue", "arn:green"]));
    let read = async || ecs.express_service(&arn).await;
    let idle = read().await?.context("a service")?;
    assert_eq!((&idle.status, idle.deploying, idle.ingress_paths.len()), (&ExpressStatus::Active, false, 1));
    let path = &idle.ingress_paths[0];
    assert_eq!((path.access.as_str(), path.load_balancer.as_deref()), ("PUBLIC", Some("arn:lb")));
    assert_eq!(path.target_groups, ["arn:blue", "arn:green"]);

    account.ecs().begin_deployment(&arn, &ingress(&["arn:blue", "arn:green"]));
    let same = read().await?.context("a service")?;
    assert_eq!((same.deploying, &same.ingress_paths), (true, &idle.ingress_paths), "one way in, told twice");
    account.ecs().end_deployment(&arn, "SUCCESSFUL");
    account.ecs().begin_deployment(&arn, &ingress(&["arn:third"]));
    let both = read().await?.context("a service")?;
    assert_eq!((both.deploying, both.ingress_paths.len()), (true, 2));
    account.ecs().end_deployment(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(read().await?.context("a service")?, idle);

    account.ecs().set_status(&arn, "DRAINING");
    assert_eq!(read().await?.context("a service")?.status, ExpressStatus::Draining);
    assert_eq!(ecs.express_service("arn:aws:ecs:us-east-1:123456789012:service/apps/none").await?, None);
    account.faults().next(
        "ecs",
        "ListServiceDeployments",
        1,
        Fault::Refuse { code: "AccessDeniedException".to_owned(), message: "no".to_owned() },
    );
    assert_eq!(read().await.unwrap_err().class, Class::Permanent, "whether it deploys must be known");
    Ok(())
}
