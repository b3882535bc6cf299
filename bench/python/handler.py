"""What notify does for a failed deployment, as far as one can see from outside, as a Python function would do it: the
baseline that it is compared with.

A failure is looked up, the lines that its logs end with are read, and people are told by mail and in chat: once for each
failure, and not where the service's tag says otherwise. There is no diagnosis. Clients are made once, outside the
handler, and only those that are used.
"""

import json
import os

import boto3

apprunner = boto3.client("apprunner")
logs = boto3.client("logs")
sns = boto3.client("sns")
dynamodb = boto3.client("dynamodb")
TABLE = os.environ["STATE_TABLE"]
MAIL = os.environ["ALERT_TOPIC_ARN"]
CHAT = os.environ["CHAT_TOPIC_ARN"]


def begin(incident):
    """Claims an incident. False where it was told before; one that was begun and never told is told now."""
    key = {"pk": {"S": "python"}, "sk": {"S": incident}}
    try:
        dynamodb.put_item(TableName=TABLE, Item=key | {"told": {"BOOL": False}}, ConditionExpression="attribute_not_exists(pk)")
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return not dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)["Item"]["told"]["BOOL"]
    return True


def end(incident):
    dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": "python"}, "sk": {"S": incident}, "told": {"BOOL": True}})


def last_lines(group):
    try:
        streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True, limit=1)
        name = streams["logStreams"][0]["logStreamName"]
        events = logs.get_log_events(logGroupName=group, logStreamName=name, limit=20)["events"]
    except (IndexError, logs.exceptions.ResourceNotFoundException):
        return []
    return [event["message"] for event in events]


def handler(event, _context):
    detail = event["detail"]
    arn = event["resources"][0]
    tags = apprunner.list_tags_for_resource(ResourceArn=arn)["Tags"]
    if any(tag["Key"] == "apprunner-autopilot:notify" and tag["Value"] == "off" for tag in tags):
        return {"ok": True, "decision": "ignore"}
    service = apprunner.describe_service(ServiceArn=arn)["Service"]
    operation = apprunner.list_operations(ServiceArn=arn, MaxResults=5)["OperationSummaryList"][0]
    incident = f"{service['ServiceName']}:{operation['Id']}"
    if not begin(incident):
        return {"ok": True, "decision": "ignore"}
    group = f"/aws/apprunner/{service['ServiceName']}/{service['ServiceId']}"
    title = f"{service['ServiceName']}: {detail['operationStatus']}"
    text = "\n".join([
        detail["message"],
        f"Service    {service['ServiceName']}, {service['Status']}",
        f"Operation  {operation['Type']}, {operation['Status']}",
        *last_lines(f"{group}/service"),
        *last_lines(f"{group}/application"),
    ])
    chat = {"version": "1.0", "source": "custom", "content": {"title": title, "description": text[:8000]}}
    sns.publish(TopicArn=MAIL, Subject=title, Message=text)
    sns.publish(TopicArn=CHAT, Message=json.dumps(chat))
    end(incident)
    return {"ok": True, "decision": "tell"}
