"""Prints what CloudFormation gets of the SAM template whose path is given, as JSON: nothing is asked of AWS."""

import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template names none of those that SAM would look up."""

    def load(self):
        return {}


with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml_parse(file.read())
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        # As `sam package` leaves it.
        resource["Properties"]["CodeUri"] = "s3://bucket/" + resource["Properties"]["CodeUri"]
json.dump(transform(template, {}, NoManagedPolicies()), sys.stdout)
