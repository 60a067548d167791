"""Building aside and reinstalling: what is done for one distribution once it was decided.

Everything is verified before it is believed: after a reinstall RECORD and bytes, after a build that there is one wheel.
Whether something is to be done is not known here.
"""

import tempfile
from functools import partial
from pathlib import Path

import structlog
from anyio import CancelScope, to_thread

from uvwatch.core import record
from uvwatch.core.model import Content, Delta
from uvwatch.core.patterns import decide
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing import leftovers
from uvwatch.installing.build import build_wheel
from uvwatch.installing.bytecode import compile_changed
from uvwatch.installing.uv import reinstall_command, run_cached
from uvwatch.installing.wheel import generated_scripts, read_wheel
from uvwatch.keeping.keeper import Keeper, OnLine, mark
from uvwatch.keeping.site import STATE
from uvwatch.project.environment import open_environment
from uvwatch.project.installed import InstalledCopy, local_distributions
from uvwatch.project.lock import locked
from uvwatch.project.pyproject import compiles_bytecode

log = structlog.get_logger()


async def build(keeper: Keeper, on_line: OnLine) -> None:
    """Have uv build a wheel of the tree into a temporary directory, and learn from it.

    Raises:
        CycleFailed: the build failed, or would choke on something in the tree.
    """
    keeper.require_buildable()
    site, root, snapshot = keeper.site, keeper.distribution.root, keeper.contents
    before = await to_thread.run_sync(leftovers.names, root)
    try:
        with tempfile.TemporaryDirectory(prefix="uvwatch-") as directory:
            path = await build_wheel(
                site.uv,
                root,
                out_dir=directory,
                python=str(keeper.env.python),
                workspace=site.workspace.root,
                environ=site.environ,
                timeout=site.config.build_timeout,
                on_line=on_line,
            )
            wheel = await to_thread.run_sync(
                partial(read_wheel, path, prefix=keeper.env.prefix, purelib=keeper.env.purelib)
            )
    finally:
        with CancelScope(shield=True):
            await to_thread.run_sync(_clean, keeper, before)
    scripts = generated_scripts(wheel, prefix=keeper.env.prefix, purelib=keeper.env.purelib)
    files = {**wheel.files, **dict.fromkeys(scripts, Content("", executable=True))}
    await keeper.learn(files, snapshot, rewritten=wheel.rewritten | scripts)


async def reinstall(keeper: Keeper, *, editable: bool, on_line: OnLine) -> Delta:
    """Have uv reinstall this distribution alone, verify what it left, and learn from it.

    Raises:
        CycleFailed: uv failed, or what is installed now is not whole.
    """
    keeper.require_buildable()
    site, snapshot = keeper.site, keeper.contents
    before, old = keeper.wheel_files(), mark(keeper.env, keeper.distribution)
    command = reinstall_command(
        site.uv,
        keeper.distribution,
        locked=keeper.name in locked(site.workspace.root),
        editable=editable,
        root=site.workspace.root,
        env=keeper.env,
        environ=site.environ,
    )
    await run_cached(
        command,
        timeout=site.config.build_timeout,
        on_line=on_line,
        safe_to_kill=keeper.is_whole,
        root=Path(keeper.distribution.root),
    )
    await _find_again(keeper)
    _verify(keeper, await keeper.read_installed(), old)
    after = keeper.wheel_files()
    await keeper.learn(after, snapshot)
    delta = record.delta(before, after)
    await _compile(keeper, delta)
    return delta


def _clean(keeper: Keeper, before: frozenset[str]) -> None:
    """Take away what the build left in the tree; a declared artifact may be a generator's, and stays."""
    patterns = keeper.artifact_patterns
    cleanup = leftovers.remove(
        keeper.distribution.root,
        before,
        keeper.site.prefix / STATE / "left-by-builds",
        keep=lambda path: decide(patterns, path).include is True,
    )
    if cleanup:
        log.info("build.leftovers", distribution=keeper.name, deleted=cleanup.deleted, moved=cleanup.moved)


async def _find_again(keeper: Keeper) -> None:
    env = await to_thread.run_sync(open_environment, keeper.site.prefix)
    found = next((each for each in local_distributions(env) if each.name == keeper.name), None)
    if found is None:
        raise CycleFailed(FailureKind.ENVIRONMENT, f"{keeper.name} is not in {env.prefix} any more: run `uv sync`")
    keeper.env, keeper.distribution = env, found


def _verify(keeper: Keeper, copy: InstalledCopy, old: object) -> None:
    """Hold what is installed against RECORD, byte for byte.

    Raises:
        CycleFailed: it is not what RECORD says, or uv left the old copy.
    """
    found = {path: copy.files[path].content.digest for path in copy.record if path in copy.files}
    wrong = [path for path, digest in found.items() if copy.record[path].digest not in ("", digest)]
    if not copy.whole or copy.missing or wrong:
        what = ", ".join((*copy.missing, *wrong)[:3]) or "RECORD"
        raise CycleFailed(
            FailureKind.ENVIRONMENT,
            f"after uv's reinstall {keeper.name} is not whole ({what}):"
            f" does another program change {keeper.env.prefix}?",
        )
    if old == mark(keeper.env, keeper.distribution):
        raise CycleFailed(FailureKind.UV, f"uv did not reinstall {keeper.name}: run `uv lock`, then `uvwatch sync`")


async def _compile(keeper: Keeper, delta: Delta) -> None:
    site = keeper.site
    if compiles_bytecode(site.config, site.workspace.root_pyproject, site.environ):
        changed = [str(keeper.env.purelib / path) for path in (*delta.added, *delta.changed) if path.endswith(".py")]
        await compile_changed(str(keeper.env.python), changed, environ=site.environ)
