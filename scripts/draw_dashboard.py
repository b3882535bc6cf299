"""Draws the dashboard of template.yaml with recorded metrics, for the README.

Usage: draw_dashboard.py METRICS PICTURE. METRICS has one JSON object a line: namespace, name, dimensions, at (ms), value.
It knows what that dashboard uses: metrics, their shorthand `.` and `...`, and SEARCH by name and dimensions.
"""

import json
import pathlib
import re
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINS = 60
# The demo's run is short, so a widget's period is the width of a bin.
CAPTION = "Drawn from a run of `cargo demo`, which plays days in seconds. x: seconds of that run; what was measured before is drawn at 0."


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags as their plain values."""


def plain(loader, _suffix, node):
    if isinstance(node, yaml.ScalarNode):
        return node.value
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else loader.construct_mapping(node)


Loader.add_multi_constructor("!", plain)


def dashboard():
    """The widgets; the names that Fn::Sub fills in stay as they are written."""
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader)
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    return json.loads(body.replace("${!", "${"))["widgets"]


def written_out(rows):
    """Namespace, name, dimensions and options of each row; shorthand repeats the row before."""
    before = []
    for row in rows:
        names = [part for part in row if isinstance(part, str)]
        options = next((part for part in row if isinstance(part, dict)), {})
        if names[:1] == ["..."]:
            names = before[: len(before) - len(names) + 1] + names[1:]
        names = [before[at] if name == "." else name for at, name in enumerate(names)]
        before = names or before
        yield names, options


def found(points, expression):
    """The series that a SEARCH finds, by their dimensions."""
    schema, name, rest = re.match(r"SEARCH\('\{(.+?)\} MetricName=\"(\w+)\"([^']*)'", expression).groups()
    namespace, *dimensions = schema.split(",")
    unwanted = dict(re.findall(r'NOT (\w+)="(\w+)"', rest))
    series = {}
    for point in points:
        own = point["dimensions"]
        if (point["namespace"], point["name"], set(own)) == (namespace, name, set(dimensions)):
            if not any(own.get(key) == value for key, value in unwanted.items()):
                series.setdefault(tuple(sorted(own.items())), []).append(point)
    return series


def lines_of(points, widget):
    """Label, points and color of each line of a widget."""
    for names, options in written_out(widget["properties"]["metrics"]):
        if names:
            dimensions = dict(zip(names[2::2], names[3::2], strict=True))
            chosen = [p for p in points if (p["namespace"], p["name"], p["dimensions"]) == (*names[:2], dimensions)]
            yield options.get("label", names[1]), chosen, options.get("color")
        else:
            for own, chosen in sorted(found(points, options["expression"]).items()):
                label = options["label"]
                for key, value in own:
                    label = label.replace(f"${{PROP('Dim.{key}')}}", value)
                yield label, chosen, None


def draw(axes, widget, points, start, span):
    properties = widget["properties"]
    axes.set_title(properties["title"], fontsize=9, loc="left")
    axes.tick_params(labelsize=7)
    if widget["type"] == "alarm":
        names = [re.sub(r"\$\{(\w+)Alarm\.Arn\}", r"\1", name) for name in properties["alarms"]]
        axes.text(0.01, 0.5, "   ".join(names), fontsize=7, va="center", wrap=True)
        axes.set_axis_off()
        return
    drawn = False
    for label, chosen, color in lines_of(points, widget):
        if not chosen:
            continue
        drawn = True
        xs = [max(0, point["at"] - start) / 1000 for point in chosen]
        if properties["stat"] == "Sum":
            sums = [0.0] * BINS
            for x, point in zip(xs, chosen, strict=True):
                sums[min(BINS - 1, int(x / span * BINS))] += point["value"]
            axes.step([span * at / BINS for at in range(BINS)], sums, where="post", label=label, color=color, lw=1.2)
        else:
            axes.step([*xs, span], [*(point["value"] for point in chosen), chosen[-1]["value"]], where="post", label=label, lw=1.2)
    axes.set_xlim(0, span)
    axes.set_ylabel(properties["yAxis"]["left"]["label"], fontsize=7)
    axes.set_ylim(bottom=0, top=properties["yAxis"]["left"].get("max"))
    if drawn:
        axes.legend(fontsize=6, loc="upper left", ncols=2, framealpha=0.6)
    else:
        axes.text(0.5, 0.5, "nothing in this run", fontsize=8, ha="center", transform=axes.transAxes, color="gray")


def main():
    metrics, picture = sys.argv[1:]
    points = [json.loads(line) for line in pathlib.Path(metrics).read_text().splitlines()]
    own = [point["at"] for point in points if point["namespace"] == "AppRunnerAutopilot"]
    start, span = min(own), (max(own) - min(own)) / 1000
    widgets = dashboard()
    rows = max(widget["y"] + widget["height"] for widget in widgets)
    figure = plt.figure(figsize=(15, rows * 0.42))
    grid = figure.add_gridspec(rows, 24, hspace=12, wspace=8, left=0.04, right=0.99, top=0.97, bottom=0.03)
    for widget in widgets:
        x, y, width, height = (widget[key] for key in ("x", "y", "width", "height"))
        draw(figure.add_subplot(grid[y : y + height - 1, x : x + width]), widget, points, start, span)
    figure.text(0.04, 0.01, CAPTION, fontsize=7, color="gray")
    plt.rcParams["svg.hashsalt"] = "dashboard"
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main()
