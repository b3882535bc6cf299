"""Each sample event reaches the function by exactly the rule that should take it, in every spelling.

The matcher is moto's, so that patterns are judged by rules of matching that this project did not write.
"""

import fnmatch
import itertools
import json
import re

import pytest
from moto.events.models import EventPattern

# By function: the first row that a sample's name matches says which of the function's rules takes it.
RULES = {
    "notify": [
        ("guide-operation-status", "OperationEnded"),
        ("guide-service-status", "StatusSettled"),
        ("operation-*-started", None),
        ("operation-*-completed", "OperationEnded"),
        ("operation-*-failed", "OperationEnded"),
        ("status-operation-in-progress", None),
        ("status-*", "StatusSettled"),
        ("spelling-*-operation-*-started", None),
        ("spelling-*-status-operation-in-progress", None),
        ("spelling-*-operation-*", "OperationEnded"),
        ("spelling-*-status-*", "StatusSettled"),
        ("custom-domain-*", "CustomDomain"),
        ("announcement-*", "Announcement"),
        # Commands come by `aws lambda invoke` or from a schedule, never over the bus.
        ("command-*", None),
        ("schedule-*", None),
    ],
    "cleanup": [
        ("operation-deployment-completed", None),
        ("operation-*-completed", "ServiceLeft"),
        ("spelling-*-operation-*-completed", "ServiceLeft"),
        ("command-*", None),
        ("schedule-*", None),
    ],
    "rollback": [
        ("operation-*", "OperationChanged"),
        ("alarm-went-off", "AlarmWentOff"),
        ("alarm-ok", None),
        ("command-*", None),
        ("schedule-*", None),
    ],
    "rebuild": [
        ("operation-*-failed", "OperationFailed"),
        ("status-*-failed", "StatusFailed"),
        ("command-*", None),
        ("schedule-*", None),
    ],
    "shift": [
        ("alarm-on", "AlarmOn"),
        ("operation-*-failed", "OperationFailed"),
        ("status-*", "StatusLeftRunning"),
        ("command-*", None),
        ("schedule-*", None),
    ],
}

OPERATION, STATUS = "AppRunner Service Operation Status Change", "AppRunner Service Status Change"
OPERATIONS = ["CreateService", "DeleteService", "UpdateService", "Deployment", "PauseService", "ResumeService"]
STAGES = {"Started": None, "CompletedSuccessfully": "OperationEnded", "Failed": "OperationEnded"}
STATUSES = {
    "CREATE_FAILED": "StatusSettled",
    "DELETE_FAILED": "StatusSettled",
    "RUNNING": "StatusSettled",
    "PAUSED": "StatusSettled",
    "DELETED": "StatusSettled",
    "OPERATION_IN_PROGRESS": None,
}


@pytest.fixture(scope="session")
def patterns(resources):
    """Each function's rules: the pattern by the name that the template gives it."""
    rules = resources("AWS::Events::Rule").items()
    return {
        function: {
            name.removeprefix(prefix): rule["EventPattern"] for name, rule in rules if name.startswith(prefix)
        }
        for function in RULES
        for prefix in [f"{function.capitalize()}Function"]
    }


@pytest.fixture(scope="session")
def samples(root):
    """Each function's sample events by name."""
    return {
        function: {path.stem: json.loads(path.read_text()) for path in sorted((root / "events" / function).glob("*.json"))}
        for function in RULES
    }


@pytest.fixture(scope="session")
def taken_by(patterns):
    """The rules of a function that want an event."""
    compiled = {
        function: {name: EventPattern.load(json.dumps(pattern)) for name, pattern in rules.items()}
        for function, rules in patterns.items()
    }
    return lambda function, event: [
        name for name, pattern in compiled[function].items() if pattern.matches_event(event)
    ]


def test_every_rule_is_some_functions(resources, patterns):
    assert len(resources("AWS::Events::Rule")) == sum(map(len, patterns.values()))


def app_runner(detail_type, detail):
    return {
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": detail_type,
        "source": "aws.apprunner", "account": "123456789012", "time": "2026-11-20T09:00:00Z", "region": "us-east-1",
        "resources": ["arn:aws:apprunner:us-east-1:123456789012:service/orders-api/0af3"], "detail": detail,
    }  # fmt: skip


@pytest.mark.parametrize("function", RULES)
def test_every_sample_is_taken_by_its_rule_alone(samples, taken_by, function):
    unused = {row for row, _ in RULES[function]}
    assert samples[function]
    for name, event in samples[function].items():
        rows = [(row, rule) for row, rule in RULES[function] if fnmatch.fnmatch(name, row)]
        assert rows, f"say in RULES which rule takes {name}"
        row, rule = rows[0]
        unused.discard(row)
        assert taken_by(function, event) == ([rule] if rule else []), name
    assert unused == set(), "rows of RULES without a sample"


def test_samples_cover_every_documented_word_and_kind(samples, patterns):
    samples, patterns = samples["notify"], patterns["notify"]
    words = {event["detail"].get("operationStatus") for event in samples.values() if "detail" in event}
    assert {f"{operation}{stage}" for operation in OPERATIONS for stage in STAGES} <= words
    statuses = {event["detail"].get("currentServiceStatus") for event in samples.values() if "detail" in event}
    assert set(STATUSES) <= statuses
    kinds = {event.get("detail-type") for event in samples.values()}
    assert set(patterns["Announcement"]["detail-type"]) <= kinds


def test_no_two_samples_share_an_id(samples):
    without = ("guide-", "command-", "schedule-")
    events = {
        (function, name): event
        for function, named in samples.items()
        for name, event in named.items()
        if not name.startswith(without)
    }
    assert len({event["id"] for event in events.values()}) == len(events)
    details = [event["detail"] for event in events.values()]
    announced = [detail["announcement_id"] for detail in details if "announcement_id" in detail]
    assert len(set(announced)) == len(announced) > 0


def spellings(root, table):
    """The names of a field that shared/src/event.rs reads."""
    source = (root / "shared" / "src" / "event.rs").read_text()
    declared = re.search(rf"const {table}: &\[&str\] =\s*&\[([^\]]*)\]", source)
    assert declared, f"shared/src/event.rs has no table {table}"
    return re.findall(r'"(\w+)"', declared[1])


@pytest.mark.parametrize(
    ("function", "rule", "table", "detail_type", "words"),
    [
        ("notify", "OperationEnded", "OPERATION_FIELDS", OPERATION,
         {f"{operation}{stage}": rule for operation in OPERATIONS for stage, rule in STAGES.items()}
         | {"RestartServiceFailed": "OperationEnded", "FailedToDecide": None}),
        ("notify", "StatusSettled", "CURRENT_FIELDS", STATUS,
         STATUSES | {"UPDATE_FAILED": "StatusSettled", "RESTARTING": None}),
        ("rollback", "OperationChanged", "OPERATION_FIELDS", OPERATION,
         {f"{operation}{stage}": None for operation in OPERATIONS for stage in STAGES}
         | {f"{operation}{stage}": "OperationChanged"
            for operation in ["CreateService", "UpdateService", "Deployment"] for stage in STAGES}
         | {"DeleteServiceCompletedSuccessfully": "OperationChanged",
            "PauseServiceCompletedSuccessfully": "OperationChanged"}),
        ("rebuild", "OperationFailed", "OPERATION_FIELDS", OPERATION,
         {f"{operation}{stage}": None for operation in OPERATIONS for stage in STAGES}
         | {"CreateServiceFailed": "OperationFailed", "DeleteServiceFailed": "OperationFailed"}),
        ("rebuild", "StatusFailed", "CURRENT_FIELDS", STATUS,
         dict.fromkeys(STATUSES) | {"CREATE_FAILED": "StatusFailed", "DELETE_FAILED": "StatusFailed"}),
        ("shift", "OperationFailed", "OPERATION_FIELDS", OPERATION,
         {f"{operation}{stage}": "OperationFailed" if stage == "Failed" else None
          for operation in OPERATIONS for stage in STAGES}),
        ("shift", "StatusLeftRunning", "CURRENT_FIELDS", STATUS,
         {word: None if word in ("RUNNING", "OPERATION_IN_PROGRESS") else "StatusLeftRunning" for word in STATUSES}),
    ],
)  # fmt: skip
def test_rules_take_every_word_in_every_spelling_that_the_program_reads(
    root, patterns, taken_by, function, rule, table, detail_type, words
):
    fields = spellings(root, table)
    assert sorted(field for branch in patterns[function][rule]["detail"]["$or"] for field in branch) == sorted(fields)
    for field, (word, expected) in itertools.product(fields, words.items()):
        event = app_runner(detail_type, {field: word, "serviceName": "orders-api"})
        assert taken_by(function, event) == ([expected] if expected else []), (field, word)


@pytest.mark.parametrize("function", RULES)
def test_events_of_others_are_left_alone(taken_by, function):
    failed = {"operationStatus": "CreateServiceFailed"}
    assert taken_by(function, app_runner(OPERATION, failed) | {"source": "aws.ecs"}) == []
    assert taken_by(function, app_runner("AppRunner Something Else", failed)) == []
    assert taken_by(function, app_runner(OPERATION, {"message": "CreateServiceFailed"})) == []
    assert taken_by(function, app_runner("Autopilot Rollback", {})) == []
    assert taken_by(function, app_runner("Autopilot Siesta", {}) | {"source": "apprunner-autopilot"}) == []


OPERATORS = {"prefix", "suffix", "anything-but", "exists", "numeric", "equals-ignore-case", "wildcard", "cidr"}


def problems(pattern, path=""):
    """What EventBridge would refuse about a pattern."""
    for name, value in pattern.items():
        here = f"{path}.{name}"
        if name == "$or":
            if not (isinstance(value, list) and len(value) > 1):
                yield f"{here}: needs two branches at least"
            for branch in value:
                yield from problems(branch, here)
        elif isinstance(value, dict):
            yield from problems(value, here) if value else [f"{here}: is empty"]
        elif not (isinstance(value, list) and value):
            yield f"{here}: a field takes a list of values"
        else:
            for test in value:
                if isinstance(test, dict) and (len(test) != 1 or not OPERATORS.issuperset(test)):
                    yield f"{here}: {test} is no operator"


def combinations(pattern):
    """How many patterns remain once every $or is multiplied out; EventBridge takes 1,000."""
    count = 1
    for name, value in pattern.items():
        if name == "$or":
            count *= sum(combinations(branch) for branch in value)
        elif isinstance(value, dict):
            count *= combinations(value)
    return count


def test_patterns_keep_within_the_limits_of_eventbridge(patterns):
    assert list(problems({"a": ["x", {"sufix": "y"}], "$or": [{"b": "z"}]})) != [], "the check itself works"
    for name, pattern in itertools.chain.from_iterable(rules.items() for rules in patterns.values()):
        assert list(problems(pattern)) == [], name
        # PutRule takes 4,096 characters; the quota of an account is 2,048.
        assert len(json.dumps(pattern, separators=(",", ":"))) <= 2048, name
        assert combinations(pattern) <= 1000, name
