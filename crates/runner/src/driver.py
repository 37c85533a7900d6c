"""Runs one Harbor trial for the runner, which starts this script with Harbor's own interpreter.

Input, on stdin: one line of JSON. Until it comes, nothing has happened; closing stdin instead ends the script. Closing stdin later stops the
trial, as SIGTERM and SIGINT do: whatever ends the runner, even SIGKILL, closes it, so no trial outlives its runner.
    config               path of a TrialConfig
    environment          variables, by name, that Harbor and what it starts get besides the script's own
    agent_timeout_sec    what the agent gets in every step for which neither the configuration nor the task names a time-out
    shortest_secret      characters; shorter values are found all over, so that nobody takes them out

Output, on stdout, one JSON object a line:
    {"ready": seconds}                                  Harbor is imported
    {"alive": phase, "blocking": false}                 the event loop runs; every two seconds, and when either changes
    {"event": "start", "at": "2026-01-31T10:00:00Z"}    a Harbor TrialEvent
    {"log": phase, "stream": stream, "text": text}      what a command in the sandbox printed
    {"done": true}                                      the trial's folder holds a result.json that will not change
    {"error": {"type", "message", "traceback"}}         there is no result

Phases are environment, agent_setup, agent and verification; each lasts until the next begins. Harbor may keep the event loop to itself for a
while where blocking is true: while it loads its modules, starts an environment or copies files. Elsewhere an event loop that stops means that
Harbor waits for a file that the sandbox left, such as a pipe, and none of Harbor's own time-outs can end that.

Exit status: 0 done, 1 error, 130 stopped.
"""

import asyncio
import functools
import json
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harbor.models.trial.config import TrialConfig
    from harbor.trial.hooks import TrialEvent
    from harbor.trial.trial import Trial

DONE, ERROR, STOPPED = 0, 1, 130
# Characters of text in a line of the protocol, which stays small however long a line the sandbox prints.
PIECE = 16_384
# Most bytes of a line of input: more than all variables of a process together.
INPUT = 16 << 20
# Seconds between two signs of life.
BEAT = 2
# Methods of an environment during which the event loop may stand still.
BLOCKING = ("start", "upload_file", "upload_dir", "download_file", "download_dir", "download_dir_filtered")

Emit = Callable[[dict[str, Any]], None]


def private_channels() -> tuple[int, Emit]:
    """Keeps stdin and stdout for the protocol alone: libraries print, and children read, whatever is on 0 and 1."""
    commands, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)

    def emit(message: dict[str, Any]) -> None:
        line = memoryview(json.dumps(message).encode() + b"\n")
        try:
            while line:
                line = line[os.write(answers, line) :]
        except OSError:
            # The runner is gone. The end of stdin says so too, and stops the trial in good order.
            pass

    return commands, emit


def preflight(config: "TrialConfig") -> None:
    """Asks early for what would fail late, as Harbor's own commands do."""
    from harbor.agents.factory import AgentFactory
    from harbor.environments.factory import EnvironmentFactory
    from harbor.models.environment_type import EnvironmentType

    AgentFactory.run_preflight(config.agent)
    # Docker's preflight blocks on `docker info`; the first compose command reports the same fault.
    if config.environment.type != EnvironmentType.DOCKER:
        EnvironmentFactory.run_preflight(
            type=config.environment.type,
            import_path=config.environment.import_path,
            kwargs=config.environment.kwargs,
        )


# A string of a JSON text; a key, where a colon follows.
JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"(\s*:)?')


def keep_results_readable(shortest_secret: int) -> None:
    """Lets Harbor's own scrubbing of secrets out of a trial's files leave the keys of JSON files alone, by which results are read."""
    from harbor.trial import trial

    def scrub(path: Path, text: str, secrets: Sequence[str]) -> str:
        found = [secret for secret in secrets if len(secret) >= shortest_secret and secret in text]

        def clean(part: str) -> str:
            for secret in found:
                part = part.replace(secret, "[REDACTED]")
            return part

        if not found or path.suffix.lower() not in (".json", ".jsonl"):
            return clean(text)
        return JSON_STRING.sub(lambda string: string[0] if string[1] else clean(string[0]), text)

    if hasattr(trial, "scrub_file_text"):
        trial.scrub_file_text = scrub


class Life:
    """Shows that the event loop runs, and where in the trial it is."""

    def __init__(self, emit: Emit) -> None:
        self.emit = emit
        self.phase = "environment"
        # How many calls that may block are under way. The first is the making of the trial.
        self.blocking = 1

    def tell(self) -> None:
        self.emit({"alive": self.phase, "blocking": self.blocking > 0})

    async def beat(self) -> None:
        while True:
            self.tell()
            await asyncio.sleep(BEAT)

    def enter(self, phase: str) -> None:
        self.phase = phase
        self.tell()

    def happened(self, event: "TrialEvent") -> None:
        phases = {"environment-start": "environment", "agent-start": "agent", "verification-start": "verification"}
        if phase := phases.get(event.value):
            self.enter(phase)

    def made(self, trial: "Trial") -> None:
        """Follows a trial that has just been made."""
        self.blocking -= 1
        # Of the class, since a verifier may have an environment of its own.
        environment = type(trial.agent_environment)
        for name in BLOCKING:
            if method := getattr(environment, name, None):
                setattr(environment, name, self.while_blocking(method))
        # No event tells of the agent's set-up.
        set_up = trial.agent.setup

        async def setup(*args: Any, **kwargs: Any) -> None:
            self.enter("agent_setup")
            await set_up(*args, **kwargs)

        trial.agent.setup = setup

    def while_blocking(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(method)
        async def blocking(*args: Any, **kwargs: Any) -> Any:
            self.blocking += 1
            self.tell()
            try:
                return await method(*args, **kwargs)
            finally:
                self.blocking -= 1
                self.tell()

        return blocking


async def run_trial(begin: dict[str, Any], emit: Emit, life: Life) -> int:
    """One trial, from its configuration to its result."""
    from harbor.models.trial.config import TrialConfig
    from harbor.trial.hooks import LogEntry, TrialEvent, TrialHookEvent
    from harbor.trial.trial import Trial

    async def on_event(event: TrialHookEvent) -> None:
        life.happened(event.event)
        emit({"event": event.event.value, "at": datetime.now(UTC).isoformat()})

    async def on_log(entry: LogEntry) -> None:
        for start in range(0, len(entry.text), PIECE):
            piece = entry.text[start : start + PIECE]
            emit({"log": entry.phase, "stream": str(entry.stream), "text": piece})

    try:
        config = TrialConfig.model_validate_json(Path(begin["config"]).read_text())
        preflight(config)
        keep_results_readable(begin["shortest_secret"])
        trial = await Trial.create(config)
        # An override in the configuration would hold for all steps, also for those that set a time-out of their own.
        if trial.task.config.agent.timeout_sec is None:
            trial.task.config.agent.timeout_sec = begin["agent_timeout_sec"]
        life.made(trial)
        for event in TrialEvent:
            trial.add_hook(event, on_event)
        trial.add_log_callback(on_log)
        await trial.run()
    # Preflights raise SystemExit, which asyncio would let tear down the loop.
    except (Exception, SystemExit) as exc:
        trace = traceback.format_exc()
        # The start of a message and the end of a traceback say the most.
        error = {"type": type(exc).__name__, "message": str(exc)[:PIECE], "traceback": trace[-PIECE:]}
        emit({"error": error})
        return ERROR
    emit({"done": True})
    return DONE


async def main(commands: int, emit: Emit) -> int:
    from harbor.utils.async_cleanup import with_async_cleanup

    loop = asyncio.get_running_loop()
    # The line with the variables is longer than the 64 KiB that a reader takes by default.
    reader = asyncio.StreamReader(limit=INPUT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(commands, "rb", 0))
    line = await reader.readline()
    if not line.endswith(b"\n"):
        return STOPPED
    begin = json.loads(line)
    os.environ.update(begin["environment"])

    life = Life(emit)
    trial = asyncio.create_task(with_async_cleanup(run_trial(begin, emit, life)))
    beating = asyncio.create_task(life.beat())
    stopping = False

    def stop() -> None:
        # Once only: a second cancellation would interrupt Harbor while it removes its containers.
        nonlocal stopping
        if not stopping:
            stopping = True
            trial.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    closed = asyncio.create_task(reader.read())
    closed.add_done_callback(lambda _: stop())
    try:
        return await trial
    except asyncio.CancelledError:
        return STOPPED
    finally:
        closed.cancel()
        beating.cancel()


if __name__ == "__main__":
    # A shell's background jobs inherit ignored signals. Until there is a trial to stop, the default will do.
    for inherited in (signal.SIGTERM, signal.SIGINT):
        signal.signal(inherited, signal.SIG_DFL)
    begun = time.monotonic()
    channels = private_channels()
    # Imported while the runner still fetches the task: this is most of the time that Harbor takes to start.
    import harbor.environments.docker.docker
    import harbor.trial.single_step  # noqa: F401

    channels[1]({"ready": round(time.monotonic() - begun, 3)})
    sys.exit(asyncio.run(main(*channels)))
