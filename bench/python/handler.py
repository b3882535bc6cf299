"""What notify does for a failed deployment, as a Python function would do it: the baseline that it is compared with.

Clients are made once, outside the handler, and only those that are used. There is no record and no diagnosis: a failure
is looked up, the lines that its logs end with are read, and people are told.
"""

import json
import os

import boto3

apprunner = boto3.client("apprunner")
logs = boto3.client("logs")
sns = boto3.client("sns")
TOPIC = os.environ["ALERT_TOPIC_ARN"]


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
    service = apprunner.describe_service(ServiceArn=arn)["Service"]
    operation = apprunner.list_operations(ServiceArn=arn, MaxResults=5)["OperationSummaryList"][0]
    group = f"/aws/apprunner/{service['ServiceName']}/{service['ServiceId']}"
    lines = last_lines(f"{group}/service") + last_lines(f"{group}/application")
    text = [
        detail["message"],
        f"Service    {service['ServiceName']}, {service['Status']}",
        f"Operation  {operation['Type']}, {operation['Status']}",
        *lines,
    ]
    sns.publish(TopicArn=TOPIC, Subject=f"{service['ServiceName']}: {detail['operationStatus']}", Message="\n".join(text))
    return {"ok": True}
