"""The dashboard shows what there is: no linter looks into its body."""

import json
import re

import pytest

NAMESPACE = "AppRunnerAutopilot"

# Dimensions as AWS documents them, in the order in which a search has to name them.
DIMENSIONS = {
    "AWS/AppRunner": {"5xxStatusResponses": ["ServiceID", "ServiceName"]},
    "AWS/ApplicationELB": {"HTTPCode_Target_5XX_Count": ["LoadBalancer", "TargetGroup"]},
    "AWS/Lambda": {name: ["FunctionName"] for name in ("Errors", "Throttles", "Duration")},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible": ["QueueName"]},
}


@pytest.fixture(scope="session")
def body(resources, expanded):
    """The dashboard's body as CloudWatch gets it; what Fn::Sub fills in becomes `<Resource.Attribute>`."""
    [dashboard] = resources("AWS::CloudWatch::Dashboard").values()
    known = set(expanded["Resources"]) | {"AWS::Region"}

    def fill(match):
        assert match[1].split(".")[0] in known, match[0]
        return f"<{match[1]}>"

    filled = re.sub(r"\$\{([^!}][^}]*)\}", fill, dashboard["DashboardBody"]["Fn::Sub"])
    return json.loads(filled.replace("${!", "${"))


def written_out(rows):
    """Metrics with `.` and `...` in place of what the row before says."""
    before = []
    for row in rows:
        names = [part for part in row if isinstance(part, str)]
        if names[:1] == ["..."]:
            names = before[: len(before) - len(names) + 1] + names[1:]
        names = [before[at] if name == "." else name for at, name in enumerate(names)]
        before = names
        yield names, next((part for part in row if isinstance(part, dict)), {})


def shown(body):
    """Namespace, metric name and names of dimensions of all that is drawn."""
    for widget in body["widgets"]:
        for names, options in written_out(widget["properties"].get("metrics", [])):
            if names:
                yield names[0], names[1], names[2::2]
            else:
                search = re.match(r"SEARCH\('\{(.+?)\} MetricName=\"(\w+)\"", options["expression"])
                namespace, *dimensions = search[1].split(",")
                yield namespace, search[2], dimensions


def emitted(root):
    """Metric names and dimensions of the functions, as the sources write them."""
    sources = [*(root / "functions").glob("*/src/**/*.rs"), root / "shared" / "src" / "telemetry.rs"]
    text = "".join(path.read_text() for path in sources)
    found = {name: ["Function"] for name in re.findall(r'telemetry::(?:count|amount)\(\s*"\w+",\s*"(\w+)"', text)}
    return found | {"MessagesSent": ["Function", "Phase"], "WeightFrom": ["RecordName"], "WeightTo": ["RecordName"]}


def test_each_metric_exists_with_its_dimensions(body, root):
    own = emitted(root)
    seen = set()
    for namespace, metric, dimensions in shown(body):
        known = own if namespace == NAMESPACE else DIMENSIONS[namespace]
        assert known[metric] == dimensions, metric
        seen.add(metric)
    assert set(own) - seen <= {"WeightFrom"}, "all that is measured is shown; the other weight is what is left of 100"


def test_every_function_queue_and_alarm_is_on_it(body, resources):
    text = json.dumps(body)
    for name in resources("AWS::Lambda::Function"):
        assert text.count(f"<{name}>") == 3, f"{name}: errors, throttles and duration"
    for name in resources("AWS::SQS::Queue"):
        assert f"<{name}.QueueName>" in text
    [alarms] = [widget["properties"]["alarms"] for widget in body["widgets"] if widget["type"] == "alarm"]
    assert sorted(alarms) == sorted(f"<{name}.Arn>" for name in resources("AWS::CloudWatch::Alarm"))


def test_widgets_fill_their_rows_and_do_not_cover_each_other(body):
    cells = {}
    for widget in body["widgets"]:
        title = widget["properties"]["title"]
        for x in range(widget["x"], widget["x"] + widget["width"]):
            for y in range(widget["y"], widget["y"] + widget["height"]):
                assert 0 <= x < 24, title
                assert cells.setdefault((x, y), title) == title
        if widget["type"] == "metric":
            assert widget["properties"]["region"] == "<AWS::Region>", title
    assert len(cells) == 24 * (max(y for _, y in cells) + 1)


def test_searches_end_as_they_should(body):
    searches = re.findall(r"SEARCH\('([^']+)', '(\w+)', (\d+)\)", json.dumps(body).replace('\\"', '"'))
    assert len(searches) == json.dumps(body).count("SEARCH(")
    for _, statistic, period in searches:
        assert statistic in {"Sum", "Maximum", "Average"}
        assert int(period) % 60 == 0
