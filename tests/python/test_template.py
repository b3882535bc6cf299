"""The template is valid, explains itself, and loses nothing: what linters miss is checked here."""

import json
import re

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

# Regions with App Runner that have all the services which the template uses.
REGIONS = [
    "us-east-1", "us-east-2", "us-west-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ap-northeast-1", "eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3",
]  # fmt: skip


def findings(text):
    return [str(match) for match in lint(text, config=ManualArgs(regions=REGIONS, include_checks=["I"]))]


def test_cfn_lint_has_no_findings(root, expanded):
    assert findings((root / "template.yaml").read_text()) == []
    assert findings(json.dumps(expanded, indent=1)) == []


def test_cfn_lint_would_find_something(expanded):
    broken = json.loads(json.dumps(expanded))
    broken["Resources"]["StateTable"]["Properties"]["BillingMode"] = "SOMETIMES"
    assert any("SOMETIMES" in finding for finding in findings(json.dumps(broken)))


def references(value):
    """Names that Ref, Fn::GetAtt, Fn::Sub and Condition mention anywhere below a value."""
    if isinstance(value, list):
        return set().union(*map(references, value), set())
    if not isinstance(value, dict):
        return set()
    found = set().union(*map(references, value.values()), set())
    if isinstance(value.get("Ref"), str):
        found.add(value["Ref"])
    if isinstance(value.get("Fn::Sub"), str):
        found |= set(re.findall(r"\$\{([\w:]+)", value["Fn::Sub"]))
    if isinstance(value.get("Condition"), str):
        found.add(value["Condition"])
    return found


def test_every_parameter_is_described_constrained_used_and_grouped(template):
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    assert sorted(interface["ParameterLabels"]) == sorted(template["Parameters"])
    used = references([template["Resources"], template["Conditions"], template["Globals"]])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        assert name in used, f"{name} is used by nothing"
        default = parameter["Default"]
        if "AllowedValues" in parameter:
            assert default in parameter["AllowedValues"], name
        else:
            assert re.fullmatch(parameter["AllowedPattern"], default), name


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ("AlertEmail", ["", "a@example.com"], ["a", "a@b", "a b@example.com", "a@example.com,b@example.com"]),
        ("EvidenceBudget", ["1s", "4s", "30s"], ["", "0s", "31s", "4", "4m", "4.5s", "100s"]),
        ("HostedZoneIds", ["", "Z0EXAMPLE", "Z0EXAMPLE,Z1EXAMPLE"], ["example.com", "Z0EXAMPLE,", ",", "Z1, Z2", "z1", "/hostedzone/Z1"]),
        ("GracePeriod", ["7d", "1s"], ["", "0d", "a week", "7 d"]),
        ("MaxDeletionShare", ["0", "0.25", "1", "1.0"], ["", "1.5", "-0.1", "25%", "2"]),
        ("EndpointHourPrice", ["0.01", "0.0155", "1"], ["", "free", "-1", "0,01"]),
        ("AnalysisMaxErrorShare", ["0", "0.05", "1", "1.0"], ["", "5", "5%", "1.1", "-0.1", ".5"]),
        ("AnalysisMaxLatency", ["", "p95:1500", "p99.9:1"], ["p95", "1500", "p95:0", "95:10", "p95:1s"]),
        ("AnalysisAlarms", ["", "a", "a,b c"], ["a,,b", "a,"]),
        ("RebuildDelays", ["5m", "5m,15m,45m"], ["", "5m,", "5m;15m", "5m, 15m", ",".join(["1m"] * 11)]),
        ("LongOperation", ["90s", "10m", "24h", "7d"], ["", "0m", "10", "10 m", "ten", "1w", "-5m"]),
    ],
)
def test_patterns_take_the_right_values(template, parameter, good, bad):
    pattern = re.compile(template["Parameters"][parameter]["AllowedPattern"])
    assert [value for value in good if not pattern.fullmatch(value)] == []
    assert [value for value in bad if pattern.fullmatch(value)] == []


def test_every_output_is_described(template):
    for name, output in template["Outputs"].items():
        assert output["Description"].endswith("."), name


def test_every_condition_is_used(template):
    used = references(template["Resources"])
    assert [name for name in template["Conditions"] if name not in used] == []


def bad_schedule(expression):
    """Why EventBridge would refuse a schedule; neither cfn-lint nor `sam validate` looks at this."""
    rate = re.fullmatch(r"rate\(([1-9]\d*) (minute|hour|day)(s?)\)", expression)
    if rate:
        return None if (rate[1] == "1") == (rate[3] == "") else "the unit is singular for 1 and plural for all else"
    cron = re.fullmatch(r"cron\((.*)\)", expression)
    if not cron:
        return "is neither rate(number unit) nor cron(…)"
    fields = cron[1].split(" ")
    if len(fields) != 6:
        return f"cron has 6 fields, here are {len(fields)}"
    if (fields[2] == "?") == (fields[4] == "?"):
        return "exactly one of day of month and day of week is ?"
    if not all(re.fullmatch(r"[\d*?,/LW#A-Z-]+", field) for field in fields):
        return "has a field that is no cron field"
    return None


def test_the_schedule_check_itself():
    for good in ["rate(1 minute)", "rate(15 minutes)", "cron(0 3 * * ? *)", "cron(0/5 8-17 ? * MON-FRI *)"]:
        assert bad_schedule(good) is None, good
    for bad in ["rate(1 hours)", "rate(15 minute)", "rate(0 minutes)", "cron(0 3 * * ?)", "cron(0 3 * * * *)", "15m"]:
        assert bad_schedule(bad), bad


def test_schedules_are_valid_and_send_a_command(resources):
    schedules = resources("AWS::Scheduler::Schedule")
    rules = [rule for rule in resources("AWS::Events::Rule").values() if "ScheduleExpression" in rule]
    assert rules == [], "schedules are ScheduleV2, which has retries and a role of its own"
    assert schedules, "the reconciliation has a schedule"
    for name, schedule in schedules.items():
        assert bad_schedule(schedule["ScheduleExpression"]) is None, name
        assert json.loads(schedule["Target"]["Input"]).get("command") in {"tick", "reconcile"}, name
        assert "Name" not in schedule, f"{name}: two stacks of one account would collide"


def get_att(name, attribute="Arn"):
    return {"Fn::GetAtt": [name, attribute]}


def test_what_is_not_delivered_is_kept(resources):
    """Each rule and schedule has a dead-letter queue, and EventBridge may write to it for exactly these rules."""
    rules, schedules = resources("AWS::Events::Rule"), resources("AWS::Scheduler::Schedule")
    targets = [target for rule in rules.values() for target in rule["Targets"]]
    targets += [schedule["Target"] for schedule in schedules.values()]
    assert targets
    for target in targets:
        assert target["DeadLetterConfig"] == {"Arn": get_att("RuleDeadLetterQueue")}
        assert 60 <= target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 86400
        assert 1 <= target["RetryPolicy"]["MaximumRetryAttempts"] <= 185

    policy = resources("AWS::SQS::QueuePolicy")["RuleDeadLetterQueuePolicy"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Resource"] == get_att("RuleDeadLetterQueue")
    allowed = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    key = json.dumps
    assert sorted(map(key, allowed)) == sorted(key(get_att(name)) for name in rules)

    roles = resources("AWS::IAM::Role")
    for schedule in schedules.values():
        role = roles[schedule["Target"]["RoleArn"]["Fn::GetAtt"][0]]
        sends = [
            statement["Resource"]
            for policy in role["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Action"] == "sqs:SendMessage"
        ]
        assert sends == [get_att("RuleDeadLetterQueue")]


def test_rules_may_invoke_their_function(resources):
    permitted = {
        permission["SourceArn"]["Fn::GetAtt"][0]: permission["FunctionName"]
        for permission in resources("AWS::Lambda::Permission").values()
    }
    for name, rule in resources("AWS::Events::Rule").items():
        [target] = rule["Targets"]
        assert permitted[name] == {"Ref": target["Arn"]["Fn::GetAtt"][0]}, name


def test_what_a_function_fails_on_is_kept(resources):
    configs = {
        config["FunctionName"]["Ref"]: config for config in resources("AWS::Lambda::EventInvokeConfig").values()
    }
    functions = resources("AWS::Lambda::Function")
    assert set(configs) == set(functions)
    for name, config in configs.items():
        assert config["DestinationConfig"] == {"OnFailure": {"Destination": get_att("FailedEventsQueue")}}, name
        assert config["MaximumRetryAttempts"] == 2, name
        assert "DeadLetterConfig" not in functions[name], f"{name}: a dead-letter queue would lose the error"


def test_functions_keep_their_logs_apart_and_for_a_time(resources):
    groups = resources("AWS::Logs::LogGroup")
    used = []
    for name, function in resources("AWS::Lambda::Function").items():
        group = function["LoggingConfig"]["LogGroup"]["Ref"]
        assert groups[group]["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name
        used.append(group)
    assert sorted(used) == sorted(groups)


def test_stored_data_is_encrypted_and_kept(expanded, resources):
    table = expanded["Resources"]["StateTable"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    properties = table["Properties"]
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    keys = [(key["AttributeName"], key["KeyType"]) for key in properties["KeySchema"]]
    assert keys == [("pk", "HASH"), ("sk", "RANGE")]
    for name, queue in resources("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600, name


def test_alarms_watch_every_function_and_queue_and_tell_people(resources):
    watched = set()
    for name, alarm in resources("AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == [{"Ref": "AlertTopic"}], name
        # Silence is the trouble where invocations are counted, and none where errors are.
        silent = alarm["MetricName"] == "Invocations"
        assert alarm["TreatMissingData"] == ("breaching" if silent else "notBreaching"), name
        assert alarm["ComparisonOperator"].startswith("LessThan" if silent else "GreaterThan"), name
        [dimension] = alarm["Dimensions"]
        [reference] = dimension["Value"].values()
        watched.add((alarm["MetricName"], reference if isinstance(reference, str) else reference[0]))
    functions = resources("AWS::Lambda::Function")
    expected = {(metric, name) for name in functions for metric in ("Errors", "Throttles", "Invocations")}
    expected |= {("ApproximateNumberOfMessagesVisible", name) for name in resources("AWS::SQS::Queue")}
    assert watched == expected


def seconds(rate):
    number, unit = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", rate).groups()
    return int(number) * {"minute": 60, "hour": 3600, "day": 86400}[unit]


def test_a_missing_tick_is_noticed_after_two_are_missed(resources):
    """Neither at the first late one, nor only when many were missed."""
    fastest = {}
    for schedule in resources("AWS::Scheduler::Schedule").values():
        function = schedule["Target"]["Arn"]["Fn::GetAtt"][0]
        every = seconds(schedule["ScheduleExpression"])
        fastest[function] = min(every, fastest.get(function, every))
    for name, alarm in resources("AWS::CloudWatch::Alarm").items():
        if alarm["MetricName"] == "Invocations":
            [dimension] = alarm["Dimensions"]
            missed = alarm["Period"] * alarm["EvaluationPeriods"] / fastest[dimension["Value"]["Ref"]]
            assert 2 <= missed <= 15, name


def test_what_people_entrusted_to_the_stack_outlives_it(expanded):
    """The table with what was told, and whoever confirmed a subscription."""
    kept = {name for name, resource in expanded["Resources"].items() if resource.get("DeletionPolicy") == "Retain"}
    assert kept == {"StateTable", "AlertTopic", "AlertTopicPolicy", "AlertEmailSubscription", "ChatTopic"}
    for name in kept:
        assert expanded["Resources"][name]["UpdateReplacePolicy"] == "Retain", name


def test_what_is_billed_or_holds_data_is_tagged(resources):
    for kind in [
        "AWS::DynamoDB::Table",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
    ]:
        for name, properties in resources(kind).items():
            tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
            assert tags.get("application") == "apprunner-autopilot", name


def test_the_application_repository_gets_what_it_asks_for(template, root):
    application = template["Metadata"]["AWS::ServerlessRepo::Application"]
    manifest = (root / "Cargo.toml").read_text()
    assert f'version = "{application["SemanticVersion"]}"' in manifest
    assert f'license = "{application["SpdxLicenseId"]}"' in manifest
    for key in ("LicenseUrl", "ReadmeUrl"):
        assert (root / application[key]).is_file(), key
    assert len(application["Description"]) <= 256
    assert len(application["Labels"]) <= 10


def test_sam_finds_the_binaries(template, root):
    """`sam build` builds the binary that the metadata names, from the root of the workspace."""
    assert template["Globals"]["Function"]["CodeUri"] == "."
    functions = {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    binaries = set()
    for name, function in functions.items():
        assert function["Metadata"]["BuildMethod"] == "rust-cargolambda", name
        binaries.add(function["Metadata"]["BuildProperties"]["Binary"])
    crates = {path.parent.name for path in (root / "functions").glob("*/Cargo.toml")}
    assert binaries == crates, "every function under functions/ is in the template"


def test_functions_get_exactly_the_variables_that_they_read(template, root):
    for name, function in template["Resources"].items():
        if function["Type"] != "AWS::Serverless::Function":
            continue
        crate = root / "functions" / function["Metadata"]["BuildProperties"]["Binary"]
        settings = (crate / "src" / "settings.rs").read_text()
        read = set(re.findall(r'(?:required|optional)(?:::<\w+>)?\(\s*\w+,\s*"(\w+)"', settings))
        given = set(function["Properties"].get("Environment", {}).get("Variables", {}))
        given |= set(template["Globals"]["Function"]["Environment"]["Variables"])
        # Lambda itself says in which Region it runs.
        assert given == read - {"AWS_REGION"} | {"LOG_LEVEL"}, f"{name}; LOG_LEVEL is read by the runtime of every function"
