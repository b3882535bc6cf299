"""template.yaml as CloudFormation sees it, and the ARNs that its policies stand for."""

import copy
import json
import re

import boto3
from cfnlint.decode import cfn_yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

REGION, ACCOUNT, STACK = "us-east-1", "123456789012", "apprunner-autopilot"

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": STACK,
}

# As the sandbox names what a stack makes.
ARNS = {
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{STACK}-{{}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-{{}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{STACK}-{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{STACK}-{{}}",
}


def written(root):
    """The template as written, short tags in their long form."""
    return json.loads(json.dumps(cfn_yaml.load(str(root / "template.yaml"))))


def expand(template):
    """The template after SAM's transform. `sam package` replaces the source folder by an archive, so this does too."""
    packaged = copy.deepcopy(template)
    packaged["Globals"]["Function"]["CodeUri"] = "s3://example-bucket/notify.zip"
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    return translator.translate(sam_template=packaged, parameter_values={})


def sub(text):
    return re.sub(r"\$\{([\w:]+)\}", lambda name: PSEUDO[name[1]], text)


def arn_of(expanded, resource):
    """The ARN, with its wildcards, that a policy's resource stands for."""
    if isinstance(resource, str):
        return resource
    if "Fn::Split" in resource:  # one ARN for each item of a parameter: here any
        template, variables = resource["Fn::Split"][1]["Fn::Sub"]
        return re.sub(r"\$\{(\w+)\}", lambda name: variables[name[1]] and "Z*", template)
    if "Fn::Sub" in resource:
        return sub(resource["Fn::Sub"])
    name = resource["Ref"] if "Ref" in resource else resource["Fn::GetAtt"][0]
    target = expanded["Resources"][name]
    if target["Type"] == "AWS::Logs::LogGroup":
        group = sub(target["Properties"]["LogGroupName"]["Fn::Sub"])
        return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
    return ARNS[target["Type"]].format(name)
