"""Loads tasks with Harbor, for `cargo xtask compare-tasks`.

Input: a file, named by the only argument, with the path of one task's folder in each line, as a JSON string. Output, on stdout: one line
of JSON for each, null where Harbor takes the task, else a text that says why not.

Harbor takes a task that its loader reads, whose steps' instructions can be read, and whose environment has a definition: what every trial
needs before there is a sandbox.
"""

import json
import sys
import warnings
from pathlib import Path


def load(folder: str) -> None:
    from harbor.environments.definition import require_agent_environment_definition
    from harbor.models.task.task import Task

    task = Task(folder)
    for step in task.config.steps or []:
        task.step_instruction(step.name)
    image = task.config.environment.docker_image
    require_agent_environment_definition(task.paths.environment_dir, docker_image=image)


def reason(folder: str) -> str | None:
    try:
        load(folder)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    # Of old keys, which it takes.
    warnings.simplefilter("ignore")
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        print(json.dumps(reason(json.loads(line))))
