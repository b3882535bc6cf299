"""The comparison of requests with permissions refuses what IAM would refuse."""

import pytest
from privileges import compare

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/apprunner-autopilot-StateTable"
ROLES = {
    "NotifyRole": [
        {
            "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": [TABLE],
            "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["notify", "control"]}},
        },
        {
            "Action": ["apprunner:DescribeService"],
            "Resource": ["arn:aws:apprunner:us-east-1:123456789012:service/*/*"],
        },
        {
            "Action": ["apprunner:UpdateService"],
            "Resource": ["arn:aws:apprunner:us-east-1:123456789012:service/*/*"],
        },
        {
            "Action": ["iam:PassRole"],
            "Resource": ["arn:aws:iam::123456789012:role/*"],
            "Condition": {"StringEquals": {"iam:PassedToService": ["tasks.apprunner.amazonaws.com"]}},
        },
        {
            "Action": ["ec2:DeleteTags"],
            "Resource": ["arn:aws:ec2:us-east-1:123456789012:vpc-endpoint/*"],
            "Condition": {
                "ForAllValues:StringEquals": {"aws:TagKeys": ["mark"]},
                "Null": {"aws:TagKeys": "false"},
                "StringEqualsIfExists": {"aws:ResourceTag/keep": "false"},
            },
        },
        {"Action": ["sqs:SendMessage"], "Resource": ["arn:aws:sqs:us-east-1:123456789012:queue"]},
    ]
}


def asked(service, operation, caller="NotifyFunction", **given):
    return {"caller": caller, "service": service, "operation": operation, "input": given}


def get_item(key, table="apprunner-autopilot-StateTable"):
    return asked("dynamodb", "GetItem", TableName=table, Key={"pk": {"S": key}, "sk": {"S": "a"}})


def query(key):
    values = {":partition": {"S": key}, ":other": {"S": "control"}}
    expression = "pk = :partition AND sk > :other"
    return asked(
        "dynamodb",
        "Query",
        TableName="apprunner-autopilot-StateTable",
        KeyConditionExpression=expression,
        ExpressionAttributeValues=values,
    )


def service_arn(region="us-east-1"):
    return f"arn:aws:apprunner:{region}:123456789012:service/orders/1"


def update(role):
    return asked(
        "apprunner",
        "UpdateService",
        ServiceArn=service_arn(),
        InstanceConfiguration={"InstanceRoleArn": role},
    )


def delete_tags(*keys):
    return asked("ec2", "DeleteTags", ResourceId=["vpce-1"], Tag=[{"Key": key} for key in keys])


@pytest.mark.parametrize(
    ("request_", "allowed"),
    [
        (get_item("notify"), True),
        (get_item("rollback"), False),
        (get_item("notify", table="another-stack-StateTable"), False),
        (query("control"), True),
        (query("versions"), False),
        (asked("apprunner", "DescribeService", ServiceArn=service_arn()), True),
        (asked("apprunner", "DescribeService", ServiceArn=service_arn("eu-west-1")), False),
        (asked("apprunner", "DeleteService", ServiceArn=service_arn()), False),
        (asked("apprunner", "DescribeService", caller="ShiftFunction", ServiceArn=service_arn()), False),
        (update("arn:aws:iam::123456789012:role/tasks"), True),
        (update("arn:aws:iam::999999999999:role/tasks"), False),
        (delete_tags("mark"), True),
        (delete_tags("mark", "owner"), False),
        (delete_tags(), False),
    ],
)
def test_what_iam_would_refuse_is_refused(request_, allowed):
    refused, _ = compare(ROLES, [request_])
    assert (not refused) == allowed, refused


def test_what_no_request_uses_is_seen():
    _, used = compare(ROLES, [get_item("notify"), get_item("control")])
    unused = {action for (_, action, _), found in used.items() if not found}
    assert unused == {
        "dynamodb:Query",
        "apprunner:DescribeService",
        "apprunner:UpdateService",
        "iam:PassRole",
        "ec2:DeleteTags",
        "sqs:SendMessage",
    }


def test_who_is_no_function_needs_no_permission():
    assert compare(ROLES, [asked("apprunner", "DeleteService", caller="AKIAPERSON", ServiceArn=service_arn())])[0] == set()
