"""docs/announcements.md and the samples of announcements say the same."""

import json
import re

import pytest

FIELDS = {
    "schema": int, "announcement_id": str, "incident_id": str, "phase": str, "reason": str, "summary": str,
    "mode": str, "plan": dict, "time": str,
}  # fmt: skip


@pytest.fixture(scope="session")
def page(root):
    return (root / "docs" / "announcements.md").read_text()


@pytest.fixture(scope="session")
def samples(root):
    paths = sorted((root / "events" / "notify").glob("announcement-*.json"))
    assert paths
    return {path.name: json.loads(path.read_text()) for path in paths}


@pytest.fixture(scope="session")
def reasons(page):
    """The documented reasons by detail-type and phase."""
    table = page.split("## Reasons")[1].split("## ")[0]
    found, kind = {}, None
    for row in re.findall(r"^\|(.*?)\| (\w+) \| (.*) \|$", table, re.MULTILINE):
        kind = row[0].strip("` |") or kind
        if kind != "detail-type":
            found[kind, row[1]] = set(re.findall(r"`([a-z-]+)`", row[2]))
    return found


def test_samples_have_every_documented_field(samples, page):
    for name, event in samples.items():
        detail = event["detail"]
        for field, kind in FIELDS.items():
            assert isinstance(detail[field], kind), (name, field)
            assert f"`{field}`" in page, field
        assert ("service_arn" in detail) != ("resource" in detail), name
        assert detail["schema"] == 1, name
        assert re.fullmatch(rf"{re.escape(detail['incident_id'])}(/[a-z-]+)?#\d+", detail["announcement_id"]), name
        assert event["resources"] == ([detail["service_arn"]] if "service_arn" in detail else []), name


def test_samples_use_documented_reasons(samples, reasons):
    assert len(reasons) > 15
    for name, event in samples.items():
        kind, phase, reason = event["detail-type"], event["detail"]["phase"], event["detail"]["reason"]
        documented = reasons.get((kind, phase), set())
        if phase == "planned":
            # A dry run has the reason that acting would have had.
            documented = documented | reasons.get((kind, "started"), set())
        assert reason in documented, (name, kind, phase, reason)


def test_every_kind_has_several_phases(samples):
    kinds = {event["detail-type"] for event in samples.values()}
    for kind in kinds:
        assert len({event["detail"]["phase"] for event in samples.values() if event["detail-type"] == kind}) >= 5, kind


def test_examples_on_the_page_are_the_samples(samples, page):
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    known = list(samples.values()) + [event["detail"] for event in samples.values()]
    assert shown and all(example in known for example in shown)
