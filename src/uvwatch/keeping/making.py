"""Has uv make what is missing: the environment, the project in it, what a changed uv.lock asks for.

It knows uv's commands, and the settings that shape them. Whether something is missing is known elsewhere.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from anyio import to_thread

from uvwatch.core.mode import asked_for
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.uv import Command, dependencies_of, make_command, reinstall_command, run_cached, run_uv
from uvwatch.keeping.keeper import OnLine
from uvwatch.keeping.site import Site
from uvwatch.project.environment import open_environment
from uvwatch.project.misplaced import Misplaced


class UnfitLock(CycleFailed):
    """A pyproject.toml was edited since uv.lock was written."""


def making(site: Site, *, editable: bool | None, stay: Sequence[str]) -> list[Command]:
    """What makes the environment, or brings it in line with uv.lock.

    Args:
        site: the project, and where its environment is to be.
        editable: the mode for all local distributions; None leaves it to uv and its settings.
        stay: those that are not to be installed anew, as ``make_command`` has it.
    """
    make = partial(
        make_command,
        site.uv,
        root=site.workspace.project,
        prefix=site.prefix,
        environ=site.environ,
        editable=editable,
        stay=stay,
    )
    commands = [make(sync_args=site.config.sync_args)]
    if stay and not site.config.sync_args:
        commands.append(make(sync_args=dependencies_of(stay)))
    return commands


async def run(command: Command, site: Site, on_line: OnLine) -> None:
    """Run one of these commands.

    Raises:
        UnfitLock: uv.lock does not fit, and may not be written.
        CycleFailed: anything else that uv says.
    """
    try:
        await run_uv(command, timeout=site.config.build_timeout, on_line=on_line, root=site.workspace.project)
    except CycleFailed as error:
        if "needs to be updated" not in error.output:
            raise
        message = "uv.lock does not fit pyproject.toml: run `uv lock`"
        raise UnfitLock(FailureKind.ENVIRONMENT, message, output=error.output) from error


async def reinstall_here(what: Misplaced, site: Site, on_line: OnLine, *, locked: bool, mode: bool) -> None:
    """Have uv install from this workspace what was installed from another directory.

    Args:
        what: what was.
        site: the workspace.
        on_line: hears what uv prints.
        locked: whether uv.lock knows it.
        mode: whether editable, unless settings ask for another mode.

    Raises:
        CycleFailed: uv could not.
    """
    asked = asked_for(site.config.editable, requested=site.request.editable)
    command = reinstall_command(
        site.uv,
        replace(what.distribution, root=str(what.root)),
        locked=locked,
        editable=mode if asked is None else asked,
        root=site.workspace.root,
        env=await to_thread.run_sync(open_environment, site.prefix),
        environ=site.environ,
    )
    await run_cached(command, timeout=site.config.build_timeout, on_line=on_line, root=what.root)
