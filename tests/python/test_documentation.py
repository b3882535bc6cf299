"""What the documentation says is there: parameters, commands, alarms, links, and commands that the AWS CLI knows."""

import pathlib
import re
import shlex

import botocore.session
import pytest
from botocore import xform_name

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def text_of(name):
    return (ROOT / name).read_text()


def rows(text):
    """Cells of all tables' rows."""
    return [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in text.splitlines() if line.startswith("|")]


def words(cell):
    return re.findall(r"`([^`]+)`", cell)


def test_every_parameter_is_documented_with_its_default(template):
    documented = {}
    for cells in filter(lambda cells: len(cells) > 1, rows(text_of("docs/configuration.md").split("## Modes")[0])):
        names, defaults = words(cells[0]), words(cells[1]) or [""]
        if names:
            documented |= dict(zip(names, defaults, strict=True))
    assert documented == {name: str(parameter["Default"]) for name, parameter in template["Parameters"].items()}


def test_every_command_is_documented_and_no_other():
    section = text_of("docs/configuration.md").split("## Commands")[1]
    for_all, for_one = section.split("To one:")
    documented, function = {}, None
    for cells in rows(for_one)[2:]:
        function = words(cells[0])[0] if words(cells[0]) else function
        documented.setdefault(function, set()).update(words(cells[1]))
    shared = {word for cells in rows(for_all)[2:] for word in words(cells[0])}
    assert shared == {"mode", "stop", "go"}
    for function, commands in documented.items():
        sources = ROOT / "functions" / function / "src"
        modules = [sources / "command.rs", *(sources / "command").glob("*.rs")]
        head = "\n".join(
            line for path in modules if path.exists() for line in path.read_text().splitlines() if line.startswith("//! |")
        )
        assert commands == set(re.findall(r'"command":"([\w-]+)"', head)) - shared, function
    assert set(documented) == {path.name for path in (ROOT / "functions").iterdir()}


def test_every_alarm_says_what_to_do(resources):
    section = text_of("docs/operations.md").split("## Alarms")[1].split("\n## ")[0]
    documented = [word for cells in rows(section) for word in words(cells[0])]
    assert sorted(documented) == sorted(resources("AWS::CloudWatch::Alarm"))


def anchors(text):
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        to = (path.parent / name).resolve() if name else path
        assert to.exists(), target
        if anchor:
            assert anchor in anchors(to.read_text()), target


# Options of the AWS CLI itself, and those that it adds to single commands.
OF_THE_CLI = {"output", "query", "region", "profile", "cli-binary-format", "no-cli-pager"}
CUSTOM = {
    ("logs", "tail"): {"since", "filter-pattern", "follow", "format"},
    ("lambda", "invoke"): set(),
    ("ecs", "create-express-gateway-service"): {"monitor-resources"},
    ("sns", "subscribe"): {"notification-endpoint"},
}


def commands_in(text):
    """Every `aws …` of the shell blocks and of code in lines, continued lines joined."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += [code for code in re.findall(r"`(aws [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]
    for line in lines:
        for found in re.findall(r"(?:^|[ (])(aws [a-z0-9-]+ [a-z-]+(?: [^|;>]*)?)", line):
            yield found.split(" #")[0].rstrip(")\"} ")


def unknown_to_the_cli(command):
    """What is wrong with a command, by the service models that the AWS CLI is made of."""
    try:
        _, service, operation, *rest = shlex.split(command)
    except ValueError:
        _, service, operation, *rest = command.replace("'", "").replace('"', "").split()
    given = {word[2:].split("=")[0] for word in rest if re.match(r"--[a-z]", word)} - OF_THE_CLI
    known = CUSTOM.get((service, operation))
    if (service, operation) != ("logs", "tail"):
        model = botocore.session.get_session().get_service_model(service)
        names = {xform_name(name, "-"): name for name in model.operation_names}
        if operation not in names:
            return f"{service} has no {operation}"
        shape = model.operation_model(names[operation]).input_shape
        members = shape.members if shape else {}
        known = (known or set()) | {xform_name(name, "-") for name in members}
        known |= {f"no-{name}" for name in known}
    return f"{service} {operation} has no {sorted(given - known)}" if given - known else None


def test_the_check_of_commands_finds_what_is_wrong():
    assert unknown_to_the_cli("aws apprunner untag-resource --resource-arn a --tag-keys b") is None
    assert unknown_to_the_cli("aws apprunner remove-tag --resource-arn a")
    assert unknown_to_the_cli("aws apprunner untag-resource --arn a")


def test_the_aws_cli_knows_each_command():
    seen = 0
    for path in DOCUMENTS:
        for command in commands_in(path.read_text()):
            assert unknown_to_the_cli(command) is None, f"{path.name}: {command}: {unknown_to_the_cli(command)}"
            seen += 1
    assert seen >= 15, "the documents have commands"
