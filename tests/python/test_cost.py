"""The bill of scripts/cost, against figures that a person can check."""

import importlib.util
import json
import re
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cost():
    loader = SourceFileLoader("cost", str(ROOT / "scripts/cost"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("cost", loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def prices():
    return json.loads((ROOT / "bench/prices.json").read_text())


def results(tick_calls=1):
    """Every invocation waits for one call and needs half a millisecond."""
    names = [
        "rollback, idle tick", "rebuild, idle tick", "shift, idle tick", "rollback, new version", "notify, success",
        "notify, failure", "cleanup, daily run",
    ]  # fmt: skip
    operations = {"dynamodb:Query": tick_calls}
    point = {"size": 1, "wall_ms": 20, "processor_ms": 0.5, "operations": operations}
    reconciliation = {"points": [point]}
    return {
        "warm": {name: {"processor_ms": 0.5} for name in names},
        "latency": {"latency_ms": 20} | {name: {"chain": 1, "operations": operations} for name in names},
        "growth": {f"{name}, reconciliation": reconciliation for name in ("notify", "rollback", "rebuild")},
    }


TEMPLATE = "".join(
    f"\n  {name.title()}Function:\n    Metadata:\n      BuildProperties:\n        Binary: {name}\n    Properties:\n"
    f"      MemorySize: 256\n"
    for name in ("notify", "rollback", "rebuild", "shift", "cleanup")
) + "\n  First:\n    Type: AWS::CloudWatch::Alarm\n  Second:\n    Type: AWS::CloudWatch::Alarm\n"


def test_what_is_billed_of_an_invocation(cost):
    # 20 ms for the call, and half a millisecond on 256/1769 of a processor: 3.46 ms.
    assert cost.billed_ms(256, 1, 0.5, 20) == 24
    assert cost.billed_ms(1769, 2, 0.5, 20) == 41


def test_a_small_account(cost, prices):
    bill = cost.bill(results(), prices, TEMPLATE, 1)
    minutes = 730 * 60
    requests = 3 * minutes + 3 * minutes / 15 + 20 + 20 + 730 / 24
    assert bill["Lambda, requests"] == pytest.approx(requests / 1e6 * 0.20)
    assert bill["Lambda, time"] == pytest.approx(requests * 0.024 * 0.25 * 0.0000166667)
    assert bill["DynamoDB"] == pytest.approx(requests / 1e6 * 0.125)
    assert bill["alarms"] == pytest.approx(0.20)
    assert bill["metrics of baking versions"] == pytest.approx(20 * 10 * 4 / 1000 * 0.01)


def test_more_services_cost_more_and_another_call_shows(cost, prices):
    one, many = (cost.bill(results(), prices, TEMPLATE, services) for services in (1, 300))
    assert sum(many.values()) > sum(one.values())
    assert cost.bill(results(tick_calls=2), prices, TEMPLATE, 1)["DynamoDB"] == pytest.approx(2 * one["DynamoDB"])


def test_the_template_is_understood(cost):
    memory, alarms, _ = cost.template((ROOT / "template.yaml").read_text())
    assert sorted(memory) == ["cleanup", "notify", "rebuild", "rollback", "shift"]
    assert alarms > 0


def test_every_price_is_dated_sourced_and_used(prices):
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", prices["as_of"])
    script = (ROOT / "scripts/cost").read_text()
    for name, entry in prices["prices"].items():
        assert entry["source"].startswith("https://aws.amazon.com/") and entry["price"] > 0, name
        assert f'price["{name}"]' in script, name
