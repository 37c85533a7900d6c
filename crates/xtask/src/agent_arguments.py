"""Prints the arguments that Harbor's agents take, and the variables among an agent's that may name a file.

By agent: the names of its constructor's arguments and of its options, with their other spellings; null where it takes any and ignores
those that it does not know. Under "variables": the names in the sources of all agents that sound like a path.
"""

import ast
import inspect
import json
import re
from pathlib import Path

import harbor.agents
from harbor.agents.factory import AgentFactory
from pydantic import AliasChoices

PATH_LIKE = re.compile(
    r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*_(PATH|FILE|DIR|CONFIG|JSON|WHEEL|CREDENTIALS|OAUTH|HOME|TARBALL|BINARY)"
)


def spellings(name, field):
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [name, *(choice for choice in choices if isinstance(choice, str))]


def arguments(agent):
    names = set()
    options = getattr(agent, "options_model", None)
    if options is not None:
        for name, field in options.model_fields.items():
            names.update(spellings(name, field))
    for parent in agent.__mro__:
        if "__init__" in vars(parent) and parent is not object:
            for parameter in inspect.signature(parent.__init__).parameters.values():
                if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                    names.add(parameter.name)
    return sorted(names - {"self"}) if options is not None else None


def variables():
    names = set()
    for source in sorted(Path(harbor.agents.__file__).parent.rglob("*.py") if harbor.agents.__file__ else
                         Path(next(iter(harbor.agents.__path__))).rglob("*.py")):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and PATH_LIKE.fullmatch(node.value):
                names.add(node.value)
    return sorted(names)


agents = {name.value: arguments(AgentFactory.get_agent_class(name)) for name in AgentFactory._AGENT_MAP}
lines = [f"{json.dumps(name)}: {json.dumps(agents[name])}" for name in sorted(agents)]
print("{\n" + ",\n".join([*lines, f'"variables": {json.dumps(variables())}']) + "\n}")
