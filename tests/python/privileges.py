"""Compares what the functions asked of AWS in all end-to-end tests with what their roles allow, both ways.

`scripts/test` runs it after the tests, with the directory in which they left their requests. It prints the table of
roles and actions and fails where a request is not allowed, or a permission was used by no test.
"""

import argparse
import collections
import fnmatch
import json
import pathlib
import re
import sys

import resolved
from resolved import ACCOUNT, REGION

# What Lambda does under a function's role, without the function asking for it.
BY_LAMBDA = "Lambda itself needs it"
UNUSED = {"logs:CreateLogStream": BY_LAMBDA, "logs:PutLogEvents": BY_LAMBDA, "sqs:SendMessage": BY_LAMBDA}

# Condition keys whose value IAM takes from the resource: a request does not show it. The sandbox's own resources do,
# and test_policies.py pins the conditions.
OF_THE_RESOURCE = ("ec2:VpceServiceName", "aws:ResourceTag/")

# Services that the adapters call by another name than IAM does.
PREFIX = {"elbv2": "elasticloadbalancing"}

Request = collections.namedtuple("Request", "role action resource context")


def arn(service, resource, region=REGION, account=ACCOUNT):
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def arns(value):
    """Every ARN of the input, at whatever depth, but roles: those are passed, by a permission of its own."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [found for item in value for found in arns(item)]
    return [value] if isinstance(value, str) and value.startswith("arn:") and ":iam:" not in value else []


def log_group(given):
    group = given.get("logGroupName") or given["logGroupIdentifier"]
    stream = f":log-stream:{given['logStreamName']}" if "logStreamName" in given else ""
    return [arn("logs", f"log-group:{group}{stream}")]


def zone(given):
    name = given.get("HostedZoneId") or given["Id"]
    return [f"arn:aws:route53:::hostedzone/{name.removeprefix('/hostedzone/')}"]


def endpoints(given):
    identifiers = given.get("VpcEndpointId") or given.get("ResourceId") or []
    return [arn("ec2", f"vpc-endpoint/{name}") for name in ([identifiers] if isinstance(identifiers, str) else identifiers)]


# The resources of a request, where its input has no ARN.
RESOURCES = {
    "dynamodb": lambda given: [arn("dynamodb", f"table/{given['TableName'].rsplit('/')[-1]}")],
    "ecr": lambda given: [arn("ecr", f"repository/{given['repositoryName']}", account=given.get("registryId", ACCOUNT))],
    "events": lambda given: [arn("events", "event-bus/default")],
    "iam": lambda given: [arn("iam", f"role/{given['RoleName']}", region="")],
    "logs": log_group,
    "route53": zone,
    "route53:GetChange": lambda given: [f"arn:aws:route53:::change/{given['Id'].removeprefix('/change/')}"],
    "ec2:CreateTags": endpoints,
    "ec2:DeleteTags": endpoints,
    "ec2:DeleteVpcEndpoints": endpoints,
}


def partition_keys(given):
    if "KeyConditionExpression" in given:
        name = re.match(r"pk = (:\w+)", given["KeyConditionExpression"])[1]
        return [given["ExpressionAttributeValues"][name]["S"]]
    return [(given.get("Key") or given["Item"])["pk"]["S"]]


def changes(given):
    return listed(given["ChangeBatch"]["Changes"]["Change"])


# The context of a request: keys of conditions with the values that the input gives them.
CONTEXT = {
    "dynamodb": {"dynamodb:LeadingKeys": partition_keys},
    "ec2": {
        "ec2:Region": lambda given: [REGION],
        "aws:TagKeys": lambda given: [tag["Key"] for tag in given.get("Tag") or []],
    },
    "events": {
        "events:source": lambda given: [entry["Source"] for entry in given["Entries"]],
        "events:detail-type": lambda given: [entry["DetailType"] for entry in given["Entries"]],
    },
    "route53:ChangeResourceRecordSets": {
        "route53:ChangeResourceRecordSetsActions": lambda given: [change["Action"] for change in changes(given)],
        "route53:ChangeResourceRecordSetsRecordTypes": lambda given: [
            change["ResourceRecordSet"]["Type"] for change in changes(given)
        ],
    },
}


def passed_roles(given):
    """The roles that UpdateService hands on, each with the service that gets it."""
    source = given.get("SourceConfiguration") or {}
    access = (source.get("AuthenticationConfiguration") or {}).get("AccessRoleArn")
    instance = (given.get("InstanceConfiguration") or {}).get("InstanceRoleArn")
    found = [(access, "build.apprunner.amazonaws.com"), (instance, "tasks.apprunner.amazonaws.com")]
    return [(role, service) for role, service in found if role]


def of_kind(table, service, action):
    return table.get(action) or table.get(service)


def requests_of(record):
    """What IAM is asked for by one logged request."""
    if not (record["caller"] or "").endswith("Function"):
        return
    role = record["caller"].removesuffix("Function") + "Role"
    service = PREFIX.get(record["service"], record["service"])
    action, given = f"{service}:{record['operation']}", record["input"]
    find = of_kind(RESOURCES, service, action)
    resources = list(find(given) if find else arns(given)) or ["*"]
    context = {key: read(given) for key, read in (of_kind(CONTEXT, service, action) or {}).items()}
    for resource in resources:
        yield Request(role, action, resource, context)
    if action == "apprunner:UpdateService":
        for passed, to in passed_roles(given):
            yield Request(role, "iam:PassRole", passed, {"iam:PassedToService": [to]})


def listed(value):
    return value if isinstance(value, list) else [value]


def holds(operator, wanted, found):
    """Whether one condition is met by the values of its key. Source: IAM user guide, condition operators."""
    if operator == "Null":
        return (wanted == ["true"]) == (not found)
    if operator.startswith("ForAllValues:"):
        return all(holds(operator.removeprefix("ForAllValues:"), wanted, [value]) for value in found)
    if operator.endswith("IfExists"):
        return not found or holds(operator.removesuffix("IfExists"), wanted, found)
    if operator == "StringEquals":
        return any(value in wanted for value in found)
    raise ValueError(f"the condition operator {operator} is not known here")


def meets(conditions, context):
    return all(
        key.startswith(OF_THE_RESOURCE) or holds(operator, listed(wanted), context.get(key, []))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def allows(statement, request):
    return (
        request.action in listed(statement["Action"])
        and any(fnmatch.fnmatchcase(request.resource, pattern) for pattern in listed(statement["Resource"]))
        and meets(statement.get("Condition", {}), request.context)
    )


def compare(roles, records):
    """What was asked for and is not allowed; and each permission with how often and on how many resources it was used."""
    refused = set()
    used = {
        (role, action, resource): collections.Counter()
        for role, statements in roles.items()
        for statement in statements
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }
    for record in records:
        for request in requests_of(record):
            grants = [statement for statement in roles.get(request.role, []) if allows(statement, request)]
            if not grants:
                refused.add((request.role, request.action, request.resource, json.dumps(request.context)))
            for statement in grants:
                for resource in listed(statement["Resource"]):
                    if fnmatch.fnmatchcase(request.resource, resource):
                        used[request.role, request.action, resource][request.resource] += 1
    return refused, used


def records_in(directory):
    for path in sorted(directory.glob("*.jsonl")):
        with path.open() as lines:
            for line in lines:
                yield json.loads(line)


def listed_arns(expanded, value):
    return [resolved.arn_of(expanded, resource) for resource in listed(value)]


def conditions(value):
    """Conditions with `Fn::Sub` and `Ref` filled in."""
    if isinstance(value, dict):
        if "Fn::Sub" in value:
            return resolved.sub(value["Fn::Sub"])
        if "Ref" in value:
            return resolved.PSEUDO[value["Ref"]]
        return {key: conditions(item) for key, item in value.items()}
    return [conditions(item) for item in value] if isinstance(value, list) else value


def roles_of(expanded):
    """The statements of each function's role, as CloudFormation resolves them in the tests' account."""
    used = [
        resource["Properties"]["Role"]["Fn::GetAtt"][0]
        for resource in expanded["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    ]
    return {
        role: [
            {
                "Action": listed(statement["Action"]),
                "Resource": listed_arns(expanded, statement["Resource"]),
                "Condition": conditions(statement.get("Condition", {})),
            }
            for policy in expanded["Resources"][role]["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        for role in used
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", type=pathlib.Path, help="directory with the requests of the end-to-end tests")
    directory = parser.parse_args().requests
    root = pathlib.Path(__file__).resolve().parents[2]
    records = list(records_in(directory))
    refused, used = compare(roles_of(resolved.expand(resolved.written(root))), records)
    unused = {key for key, resources in used.items() if not resources and key[1] not in UNUSED}

    print(f"{len(records)} kinds of requests against {len(used)} permissions")
    print(f"{'role':13} {'action':46} {'kinds':>6} {'resources':>9}  allowed on")
    for (role, action, resource), found in used.items():
        note = UNUSED.get(action, "NEVER USED") if not found else ""
        print(f"{role:13} {action:46} {found.total():6} {len(found):9}  {resource} {note}".rstrip())
    for role, action, resource, context in sorted(refused):
        print(f"NOT ALLOWED: {role} {action} on {resource} with {context}")
    print(f"not allowed: {len(refused)}; never used: {len(unused)}")
    sys.exit(bool(refused or unused or not records))


if __name__ == "__main__":
    main()
