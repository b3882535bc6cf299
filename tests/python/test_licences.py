"""Every crate may be used: its licence is on deny.toml's list, it comes from Cargo's default registry, and it is not banned.

The same file serves `cargo deny check`; this needs nothing but Cargo, so everybody runs it.
"""

import json
import re
import subprocess
import tomllib

import pytest


@pytest.fixture(scope="session")
def rules(root):
    return tomllib.loads((root / "deny.toml").read_text())


@pytest.fixture(scope="session")
def crates(root, rules):
    """Every crate that is built for the listed targets."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    for target in rules["graph"]["targets"]:
        command += ["--filter-platform", target]
    metadata = json.loads(subprocess.run(command, cwd=root, check=True, capture_output=True).stdout)
    built = {node["id"] for node in metadata["resolve"]["nodes"]}
    found = [crate for crate in metadata["packages"] if crate["id"] in built]
    assert len(found) > 50
    return found


def permits(expression, allowed):
    """Whether an SPDX expression can be satisfied from a set of licences. AND binds tighter than OR."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))
    position = 0

    def peek():
        return tokens[position] if position < len(tokens) else None

    def take():
        nonlocal position
        position += 1
        return tokens[position - 1]

    def one():
        if peek() == "(":
            take()
            value = either()
            assert take() == ")", expression
            return value
        licence = take()
        if peek() == "WITH":
            take()
            licence = f"{licence} WITH {take()}"
        return licence in allowed

    def both():
        value = one()
        while peek() == "AND":
            take()
            value &= one()
        return value

    def either():
        value = both()
        while peek() == "OR":
            take()
            value |= both()
        return value

    value = either()
    assert position == len(tokens), f"{expression!r} is no SPDX expression"
    return value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("GPL-3.0", False),
        ("GPL-3.0 OR MIT", True),
        ("GPL-3.0 AND MIT", False),
        ("MIT/GPL-3.0", True),
        ("MIT AND (GPL-3.0 OR ISC)", True),
        ("(MIT OR ISC) AND GPL-3.0", False),
        ("GPL-3.0 OR MIT AND GPL-2.0", False),
        ("Apache-2.0 WITH LLVM-exception", False),
    ],
)
def test_expressions_are_read_right(expression, expected):
    assert permits(expression, {"MIT", "ISC", "Apache-2.0"}) is expected


def test_every_licence_is_allowed(crates, rules):
    allowed = set(rules["licenses"]["allow"])
    refused = [
        f"{crate['name']} {crate['version']}: {crate['license']}"
        for crate in crates
        if not permits(crate["license"] or "none", allowed)
    ]
    assert refused == []


def test_every_allowed_licence_is_met(crates, rules):
    named = " ".join(crate["license"] or "" for crate in crates)
    assert [licence for licence in rules["licenses"]["allow"] if licence not in named] == []


def test_every_crate_comes_from_the_one_registry(crates):
    """`sources` in deny.toml refuses whatever is not from Cargo's default registry; no crate names another."""
    sources = {crate["source"] for crate in crates if crate["source"]}
    assert len(sources) == 1 and sources.pop().startswith("registry+")


def test_no_banned_crate_is_used(crates, rules):
    banned = {entry["crate"] for entry in rules["bans"]["deny"]}
    assert banned & {crate["name"] for crate in crates} == set()
