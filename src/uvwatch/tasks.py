"""Task groups whose errors come out as themselves, not in a group."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup


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
