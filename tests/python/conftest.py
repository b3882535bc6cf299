"""What several checks look at: the template as written, and as CloudFormation sees it once SAM has expanded it."""

import copy
import json
import os
import pathlib

import boto3
import pytest
from cfnlint.decode import cfn_yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = pathlib.Path(__file__).resolve().parents[2]
REGION = "us-east-1"

os.environ["AWS_DEFAULT_REGION"] = REGION


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def template():
    """template.yaml, short tags in their long form."""
    return json.loads(json.dumps(cfn_yaml.load(str(ROOT / "template.yaml"))))


@pytest.fixture(scope="session")
def expanded(template):
    """The template after SAM's transform. `sam package` replaces the source folder by an archive, so this does too."""
    packaged = copy.deepcopy(template)
    packaged["Globals"]["Function"]["CodeUri"] = "s3://example-bucket/notify.zip"
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    return translator.translate(sam_template=packaged, parameter_values={})


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
