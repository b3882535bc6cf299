"""What several checks look at: the template as written, and as CloudFormation sees it once SAM has expanded it."""

import os
import pathlib

import pytest
import resolved

ROOT = pathlib.Path(__file__).resolve().parents[2]

os.environ["AWS_DEFAULT_REGION"] = resolved.REGION


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def template():
    """template.yaml, short tags in their long form."""
    return resolved.written(ROOT)


@pytest.fixture(scope="session")
def expanded(template):
    """The template after SAM's transform."""
    return resolved.expand(template)


@pytest.fixture(scope="session")
def resources(expanded):
    """The expanded template's resources of a type, by logical ID."""

    def of_type(kind):
        return {
            name: resource["Properties"]
            for name, resource in expanded["Resources"].items()
            if resource["Type"] == kind
        }

    return of_type
