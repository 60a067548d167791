"""The hooks as real processes: what they read, what becomes of those that fail, hang, or are overtaken."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from structlog.testing import capture_logs

from uvwatch.core.config import Config
from uvwatch.core.model import Action, CycleFinished, Delta, Outcome, Result
from uvwatch.hooks import Hooks

pytestmark = pytest.mark.anyio

Logs = list[dict[str, Any]]


@pytest.fixture
def anyio_backend() -> str:
    """The real clock: processes are waited for."""
    return "trio"


def finished(cycle: int, outcome: Outcome = Outcome.UPDATED, *changed: str) -> CycleFinished:
    result = Result(name="myapp", action=Action.PATCH, reason="", delta=Delta(changed=changed))
    return CycleFinished(cycle=cycle, outcome=outcome, duration_ms=1.0, results=(result,))


def script(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


@pytest.fixture
def hooks(tmp_path: Path) -> Callable[[Config], Hooks]:
    return lambda config: Hooks(lambda: config, project=tmp_path, environ=dict(os.environ))


SAVE = script("import sys; print('saved'); open('read', 'a').write(sys.stdin.read())")


def read(project: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (project / "read").read_text(encoding="utf-8").splitlines()]


async def test_a_hook_reads_its_event_in_the_project_and_nothing_runs_for_other_outcomes(
    tmp_path: Path, hooks: Callable[[Config], Hooks]
) -> None:
    told = hooks(Config(hooks_updated=SAVE))
    for cycle in (finished(1, Outcome.UNCHANGED), finished(2, Outcome.FAILED), finished(3, Outcome.UPDATED, "a.css")):
        told.publish(cycle)
    with capture_logs() as logs:
        await told.finish()
    [event] = read(tmp_path)
    assert (event["event"], event["cycle"], event["outcome"]) == ("cycle.finished", 3, "updated")
    assert event["distributions"][0]["changed"] == ["a.css"]
    assert (event["python"], event["skipped"]) == (False, [])
    assert [(each["event"], each["line"]) for each in logs] == [("hook.output", "saved")]


@pytest.mark.parametrize(
    ("command", "status", "last"),
    [
        (script("print('why\\n'); raise SystemExit(3)"), "ended with status 3; ", "why"),
        (script("import os; os.kill(os.getpid(), 9)"), "ended with signal 9; ", None),
        (("no-such-program",), "cannot run no-such-program: ", None),
    ],
)
async def test_a_hook_that_fails_is_a_warning(
    hooks: Callable[[Config], Hooks], command: tuple[str, ...], status: str, last: str | None
) -> None:
    told = hooks(Config(hooks_failed=command))
    told.publish(finished(7, Outcome.FAILED))
    with capture_logs() as logs:
        await told.finish()
    [warning] = [each for each in logs if each["log_level"] == "warning"]
    assert (warning["event"], warning["hook"], warning["cycle"]) == ("hook.failed", "hooks.failed", 7)
    assert status in warning["message"]
    assert warning.get("last_line") == last


HANG = script("import os; os.open('held', os.O_WRONLY); os.fork(); os.execvp('sleep', ['sleep', '600'])")
"""Two processes that hold a FIFO open for as long as they live."""


async def held(project: Path) -> None:
    """Wait until the hook has come, and all its processes are gone again."""
    with anyio.fail_after(20):
        assert await to_thread.run_sync((project / "held").read_bytes) == b""


async def test_a_hook_that_hangs_is_ended_with_its_children(tmp_path: Path, hooks: Callable[[Config], Hooks]) -> None:
    os.mkfifo(tmp_path / "held")
    told = hooks(Config(hooks_updated=HANG, hooks_timeout=0.5))
    told.publish(finished(1))
    with capture_logs() as logs:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(told.finish)
            await held(tmp_path)
    assert "did not end within 0.5 s" in logs[-1]["message"]


async def test_a_hook_that_runs_at_the_end_is_ended_with_its_children(
    tmp_path: Path, hooks: Callable[[Config], Hooks]
) -> None:
    os.mkfifo(tmp_path / "held")
    told = hooks(Config(hooks_updated=HANG))
    told.publish(finished(1))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(told.run)
        with anyio.fail_after(20):
            opened = await to_thread.run_sync((tmp_path / "held").open, "rb")
        tasks.cancel_scope.cancel()
    with opened:
        assert opened.read() == b""


async def test_of_the_cycles_that_end_while_a_hook_runs_it_is_told_the_newest_and_of_the_others_their_numbers(
    tmp_path: Path, hooks: Callable[[Config], Hooks]
) -> None:
    os.mkfifo(tmp_path / "gate")
    wait = "open('gate', 'w').close(); "
    command = script(wait + "import sys; open('read', 'a').write(sys.stdin.read())")
    told = hooks(Config(hooks_updated=command, hooks_failed=command))
    told.publish(finished(1))
    with capture_logs() as logs:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(told.finish)
            await anyio.wait_all_tasks_blocked()
            told.publish(finished(2, Outcome.UPDATED, "a.py"))
            told.publish(finished(3, Outcome.FAILED))
            told.publish(finished(4, Outcome.UPDATED, "b.css"))
            with anyio.fail_after(20):
                for _ in range(3):
                    await to_thread.run_sync((tmp_path / "gate").read_bytes)
    assert [(event["cycle"], event["skipped"], event["python"]) for event in read(tmp_path)] == [
        (1, [], False),
        (3, [], False),
        (4, [2], True),
    ]
    assert [(each["hook"], each["cycle"]) for each in logs if each["event"] == "hook.skipped"] == [("hooks.updated", 2)]
