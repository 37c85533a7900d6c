"""Prints what the installed Harbor takes as options of each environment: its schemas, cut down to what a submission is checked by.

Output, on stdout, JSON: for each environment the forms that its options may have, most often one. A form lists what is `required`, and for each of
its `options` what it may be: alternatives, or none when anything goes. An alternative has a `type` of JSON Schema; beside it may stand `one_of`
(texts), `above` (a number), `min_length` (of a text), and for the parts of an array or object `each` (alternatives again).

With an argument, the path of a file with JSON lines `[environment, options]`, prints instead for each line whether Harbor takes them.
"""

import importlib.abc
import importlib.machinery
import json
import sys
import types
from pathlib import Path
from typing import Any

from harbor.environments.base import BaseEnvironment
from harbor.environments.factory import EnvironmentFactory
from harbor.models.environment_type import EnvironmentType


class Anything(type):
    """A class that can be inherited from, caught, called and written into an annotation, and has attributes that can the same."""

    def __getattr__(cls, name: str) -> "Anything":
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (Exception,), {})


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for the sandbox services' libraries that are not installed: environments import them, their options don't use them."""

    def __init__(self) -> None:
        self.missing: set[str] = set()

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name.split(".")[0] not in self.missing:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = types.ModuleType(spec.name)
        module.__path__ = []
        module.__getattr__ = lambda name: Anything(name, (Exception,), {})
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        pass


STAND_INS = StandIns()


def environment_class(name: str) -> type[BaseEnvironment]:
    while True:
        try:
            return EnvironmentFactory.get_environment_class(EnvironmentType(name))
        except ImportError as error:
            missing = (error.__cause__ or error).name
            if not missing or missing.split(".")[0] in STAND_INS.missing:
                raise
            STAND_INS.missing.add(missing.split(".")[0])


def alternatives(schema: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/$defs/")]
        # What an object of a model holds is left to Harbor.
        return [{"type": "object"}] if schema.get("type") == "object" or "anyOf" not in schema else alternatives(schema, definitions)
    if "anyOf" in schema or "oneOf" in schema:
        found = [one for part in schema.get("anyOf", schema.get("oneOf")) for one in alternatives(part, definitions)]
        return [one for index, one in enumerate(found) if one not in found[:index]]
    if "type" not in schema:
        return []
    one: dict[str, Any] = {"type": schema["type"]}
    for name, theirs in {"one_of": "enum", "above": "exclusiveMinimum", "min_length": "minLength"}.items():
        if theirs in schema:
            one[name] = schema[theirs]
    if "const" in schema:
        one["one_of"] = [schema["const"]]
    parts = schema.get("items", schema.get("additionalProperties"))
    if isinstance(parts, dict) and parts:
        one["each"] = alternatives(parts, definitions)
    return [one]


def forms(name: str) -> list[dict[str, Any]]:
    schema = environment_class(name).options_schema()
    definitions = schema.get("$defs", {})
    named = [definitions[form["$ref"].removeprefix("#/$defs/")] for form in schema.get("oneOf", schema.get("anyOf", []))]
    return [form_of(form, definitions) for form in named or [schema]]


def form_of(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    known = {option: alternatives(kind, definitions) for option, kind in sorted(schema["properties"].items())}
    return {"required": sorted(schema.get("required", [])), "options": known}


def takes(name: str, given: dict[str, Any]) -> bool:
    try:
        environment_class(name).parse_options(given)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    sys.meta_path.append(STAND_INS)
    if len(sys.argv) > 1:
        for line in Path(sys.argv[1]).read_text().splitlines():
            print(json.dumps(takes(*json.loads(line))))
    else:
        lines = [f"{json.dumps(name)}: {json.dumps(forms(name))}" for name in EnvironmentFactory.registered_names()]
        print("{\n" + ",\n".join(lines) + "\n}")
