"""Delivers events of AWS services as EventBridge does: to the targets of the account's rules that match.

Nobody but AWS may put events with a source of AWS, and the emulator keeps to that. So its own matcher says which rules
match, and its own Lambda is invoked as the rule's target. Reads a JSON list of events.
"""

import json
import sys

import boto3

events, functions = boto3.client("events"), boto3.client("lambda")
rules = [rule for rule in events.list_rules()["Rules"] if "EventPattern" in rule]
for event in json.load(sys.stdin):
    text = json.dumps(event)
    for rule in rules:
        if events.test_event_pattern(EventPattern=rule["EventPattern"], Event=text)["Result"]:
            for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                functions.invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=text)
                print(event["detail-type"], "->", rule["Name"])
