"""Task groups of which an error comes out as itself, not in a group: helpers of a body, and jobs side by side."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup

T = TypeVar("T")


@asynccontextmanager
async def background() -> AsyncIterator[TaskGroup]:
    """Run tasks that serve the body and end with it, however it ends.

    Raises:
        Exception: what the body raised, or what a task raised, which ends the body; unwrapped in both cases. Only
            several tasks that fail together come in an ``ExceptionGroup``.
    """
    failure: BaseException | None = None
    try:
        async with anyio.create_task_group() as tasks:
            try:
                yield tasks
            except Exception as error:  # noqa: BLE001 - raised again below, outside of the group
                failure = error
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        failure = _alone(group)
    if failure is not None:
        raise failure


def _alone(error: BaseException) -> BaseException:
    """Take an error out of the groups that hold nothing else."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def side_by_side(
    jobs: Mapping[str, Callable[[], Awaitable[T]]], *, apart: Callable[[str, str], bool], limit: int
) -> dict[str, T]:
    """Run named jobs at once, and give their results in the order of the jobs.

    Args:
        jobs: what to run.
        apart: whether two may not run at the same time; then they run in the order of the jobs.
        limit: how many run at once at the most.

    Raises:
        Exception: the first that a job raised, unwrapped; the other jobs are cancelled then.
    """
    over = {name: anyio.Event() for name in jobs}
    room = anyio.CapacityLimiter(limit)
    results: dict[str, T] = {}
    failures: list[Exception] = []

    async def run(name: str, before: list[str]) -> None:
        for other in before:
            await over[other].wait()
        async with room:
            try:
                results[name] = await jobs[name]()
            except Exception as error:  # noqa: BLE001 - raised again below, outside of the group
                failures.append(error)
                tasks.cancel_scope.cancel()
        over[name].set()

    names = list(jobs)
    async with anyio.create_task_group() as tasks:
        for index, name in enumerate(names):
            tasks.start_soon(run, name, [other for other in names[:index] if apart(other, name)])
    if failures:
        raise failures[0]
    return {name: results[name] for name in names}
