import subprocess
import sys
from functools import partial

import anyio
import pytest

from uvwatch.errors import Fatal
from uvwatch.tasks import background, side_by_side

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup


async def fail_beside_a_task() -> None:
    async with background() as tasks:
        tasks.start_soon(anyio.sleep_forever)
        raise ValueError("mine")


@pytest.mark.anyio
async def test_an_error_of_the_body_comes_out_as_itself() -> None:
    with pytest.raises(ValueError, match="mine"):
        await fail_beside_a_task()


@pytest.mark.anyio
async def test_the_tasks_end_with_the_body() -> None:
    with anyio.fail_after(5):
        async with background() as tasks:
            tasks.start_soon(anyio.sleep_forever)


@pytest.mark.anyio
async def test_a_cancellation_passes() -> None:
    with anyio.fail_after(5), anyio.CancelScope() as scope:
        async with background() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught


async def fail(message: str) -> None:
    raise Fatal(message)


async def live_beside_a_failing_task() -> None:
    async with background(), background() as tasks:
        tasks.start_soon(fail, "theirs")
        await anyio.sleep_forever()


@pytest.mark.anyio
async def test_an_error_of_a_task_ends_the_body_and_comes_out_as_itself_through_any_depth() -> None:
    with anyio.fail_after(5), pytest.raises(Fatal, match="theirs"):
        await live_beside_a_failing_task()


async def fail_at(start: anyio.Event, message: str) -> None:
    await start.wait()
    raise Fatal(message)


async def live_beside_two_failing_tasks() -> None:
    start = anyio.Event()
    async with background() as tasks:
        tasks.start_soon(fail_at, start, "first")
        tasks.start_soon(fail_at, start, "second")
        await anyio.wait_all_tasks_blocked()
        start.set()
        await anyio.sleep_forever()


@pytest.mark.anyio
async def test_errors_of_several_tasks_come_together() -> None:
    with anyio.fail_after(5), pytest.raises(ExceptionGroup) as caught:
        await live_beside_two_failing_tasks()
    assert sorted(str(error) for error in caught.value.exceptions) == ["first", "second"]


def test_a_user_reads_the_sentence_of_a_task_that_cannot_go_on() -> None:
    program = """
import anyio, click
from uvwatch.cli import cli, main
from uvwatch.errors import Fatal
from uvwatch.tasks import background

async def fail():
    raise Fatal("the disk is gone: mount it", exit_code=2)

async def work():
    async with background() as tasks:
        tasks.start_soon(fail)
        await anyio.sleep_forever()

@cli.command()
def work_in_background():
    anyio.run(work)

main(["work-in-background"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (2, "uvwatch: error: the disk is gone: mount it\n")


@pytest.mark.anyio
async def test_jobs_run_side_by_side_up_to_the_limit_and_their_results_are_in_order() -> None:
    running: list[str] = []
    most = 0
    full = anyio.Event()

    async def job(name: str) -> str:
        nonlocal most
        running.append(name)
        most = max(most, len(running))
        if len(running) == 2:
            full.set()
        await full.wait()
        running.remove(name)
        return name.upper()

    with anyio.fail_after(5):
        jobs = {name: partial(job, name) for name in "dacb"}
        results = await side_by_side(jobs, apart=lambda _one, _other: False, limit=2)

    assert list(results.items()) == [("d", "D"), ("a", "A"), ("c", "C"), ("b", "B")]
    assert most == 2


@pytest.mark.anyio
async def test_jobs_that_are_kept_apart_run_in_their_order() -> None:
    over: list[str] = []

    async def job(name: str) -> None:
        await anyio.wait_all_tasks_blocked()
        over.append(name)

    with anyio.fail_after(5):
        jobs = {name: partial(job, name) for name in "dacb"}
        await side_by_side(jobs, apart=lambda _one, _other: True, limit=4)

    assert over == list("dacb")


@pytest.mark.anyio
async def test_an_error_of_a_job_comes_out_as_itself_and_ends_the_others() -> None:
    async def fail() -> None:
        raise ValueError("mine")

    with anyio.fail_after(5), pytest.raises(ValueError, match="mine"):
        await side_by_side({"a": anyio.sleep_forever, "b": fail}, apart=lambda _one, _other: False, limit=2)
