"""uv: which one, the exact commands for it, and what its failures mean.

The commands are values, made by pure functions. uv runs with the user's own environment variables; only those that make
a command fail, or do more than it should, are taken out (each was tried with uv 0.9.9 and 0.13.9). This module must not
know when a command is due, nor what the installed copy ought to hold.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from uv import find_uv_bin

from uvwatch.core.diagnose import diagnose
from uvwatch.core.model import Distribution
from uvwatch.errors import CycleFailed, FailureKind, Fatal
from uvwatch.installing.process import Completed, OnLine, run
from uvwatch.project.environment import Environment

OLDEST = (0, 9, 9)
"""The first uv with ``--only-install-package``; older ones exit 2."""

_NOT_FOUND = 127
_PATIENCE = 10.0
_QUIET = ("--no-progress", "--color", "never")
_MISLEADING = frozenset(
    {
        "UV_HIDE_BUILD_OUTPUT",  # a failure could not be explained
        "UV_NO_SYNC",
        "UV_PROJECT",  # the working directory says which project
        "UV_WORKING_DIR",
        "VIRTUAL_ENV",  # uv warns when it is another environment; uv pip would use it
    }
)
_OF_ONE_PYTHON = frozenset(
    {
        # uv deletes an environment whose interpreter these do not want, and --python conflicts with the rest.
        "UV_MANAGED_PYTHON",
        "UV_NO_MANAGED_PYTHON",
        "UV_PYTHON",
        "UV_PYTHON_PREFERENCE",
    }
)
_WANTS_NETWORK = re.compile(r"network was disabled|[Nn]etwork connectivity is disabled|not found in the cache")
_BYTECODE = "UV_COMPILE_BYTECODE"
_EDITABLE = "UV_NO_EDITABLE"
_FROZEN = "UV_FROZEN"
_LOCKED = "UV_LOCKED"
_NO_SOURCES = "UV_NO_SOURCES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Uv:
    """A uv that is new enough.

    ``passed_over`` has a phrase for each that came first and was too old, or none at all ("uv 0.8.3 at /usr/bin/uv is
    older than 0.9.9").
    """

    path: str
    version: tuple[int, ...]
    passed_over: tuple[str, ...] = ()


class NoUv(Fatal):
    """There is no uv that is new enough; ``passed_over`` has a phrase for each that is too old."""

    def __init__(self, message: str, passed_over: tuple[str, ...]) -> None:
        super().__init__(message)
        self.passed_over = passed_over


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run: ``argv``, the whole environment ``env``, and the working directory ``cwd`` (the workspace root).

    uv takes its settings from the working directory's project, not from the directory that it builds.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str


def find_uv(environ: Mapping[str, str], *, own: Callable[[], str] = find_uv_bin) -> Uv:
    """Find the first uv that is new enough: ``$UV``, each on PATH, then the one that came with uvwatch.

    What does not run, or does not say a version within 10 s, is no uv. It is named too, but for a shim on PATH with
    nothing behind it, which ends with status 127 as a shell that finds no such command.

    Args:
        environ: the user's environment variables.
        own: gives the path of our own dependency's binary, or raises ``FileNotFoundError``.

    Raises:
        NoUv: there is none.
    """
    passed_over: list[str] = []
    too_old: list[str] = []
    for path in dict.fromkeys(_candidates(environ, own)):
        version = _version(path, environ)
        if isinstance(version, _NoUv):
            if not version.is_shim or path == environ.get("UV"):
                passed_over.append(f"{path} is no uv that runs ({version.why})")
            continue
        if version >= OLDEST:
            return Uv(path=path, version=version, passed_over=tuple(passed_over))
        too_old.append(f"uv {_dotted(version)} at {path} is older than {_dotted(OLDEST)}")
        passed_over.append(too_old[-1])
    seen = f" ({'; '.join(passed_over)})" if passed_over else ""
    message = f"found no uv of version {_dotted(OLDEST)} or newer{seen}: install one, or name it in the variable UV"
    raise NoUv(message, tuple(too_old))


def _candidates(environ: Mapping[str, str], own: Callable[[], str]) -> Iterator[str]:
    if named := environ.get("UV"):
        yield named
    for directory in environ.get("PATH", os.defpath).split(os.pathsep):
        if found := shutil.which("uv", path=directory or os.curdir):
            yield found
    try:
        yield own()
    except FileNotFoundError:
        return


@dataclass(frozen=True, slots=True)
class _NoUv:
    """Why a program is not taken for uv."""

    why: str
    is_shim: bool = False


def _version(path: str, environ: Mapping[str, str]) -> tuple[int, ...] | _NoUv:
    try:
        said = subprocess.run(  # noqa: S603 - the user's own uv, before there is an event loop
            [path, "--version"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except OSError as error:
        return _NoUv(error.strerror or str(error))
    except subprocess.SubprocessError:
        return _NoUv(f"it does not say its version within {_PATIENCE:g} s")
    if said.returncode:
        return _NoUv(f"it ends with status {said.returncode}", is_shim=said.returncode == _NOT_FOUND)
    found = re.match(rb"uv (\d+)\.(\d+)\.(\d+)", said.stdout)
    return tuple(map(int, found.groups())) if found else _NoUv("it says no version of uv")


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def reinstall_command(
    uv: Uv,
    distribution: Distribution,
    *,
    locked: bool,
    editable: bool,
    root: Path,
    env: Environment,
    environ: Mapping[str, str],
) -> Command:
    """Have uv build and install one distribution anew, and touch nothing else in the environment.

    ``--package`` makes the distribution itself the root of what uv selects: without it uv 0.13.9 does nothing, with
    exit status 0, for a member or path dependency that the project reaches only by an extra or a group, or not at all.
    ``--python`` names the environment's own interpreter: uv would remove the environment if it took another.

    Args:
        uv: the uv to run.
        distribution: what to install.
        locked: whether uv.lock knows it.
        editable: the mode that it shall have.
        root: the workspace root.
        env: the environment that it is in.
        environ: the user's environment variables.
    """
    drop = {_BYTECODE, *_MISLEADING, *_OF_ONE_PYTHON, *({_EDITABLE} if editable else ())}
    common = ("--reinstall-package", distribution.name, "--no-compile-bytecode", "--python", str(env.python), *_QUIET)
    if locked:
        drop |= {_FROZEN, _LOCKED, _NO_SOURCES}
        only = ("--package", distribution.name, "--only-install-package", distribution.name)
        mode = () if editable else ("--no-editable",)
        arguments = ("sync", "--frozen", "--inexact", *only, *common, *mode)
    else:
        what = ("-e", distribution.root) if editable else (distribution.root,)
        arguments = ("pip", "install", "--no-deps", *common, *what)
    # Any interpreter is fine, as long as it is this one: [tool.uv] python-preference = "only-managed" is not.
    extra = {"UV_PROJECT_ENVIRONMENT": str(env.prefix), "UV_PYTHON_PREFERENCE": "managed"}
    return Command(argv=(uv.path, *arguments), env=_without(environ, drop) | extra, cwd=str(root))


def make_command(
    uv: Uv,
    *,
    root: Path,
    prefix: Path,
    environ: Mapping[str, str],
    sync_args: Sequence[str] = (),
    editable: bool | None = None,
    stay: Sequence[str] = (),
) -> Command:
    """Have uv make the environment, or bring it in line with a changed uv.lock; uv.lock is not written.

    Args:
        uv: the uv to run.
        root: the workspace root.
        prefix: the environment's directory, which need not exist.
        environ: the user's environment variables.
        sync_args: further arguments, from the setting of that name.
        editable: the mode for all local distributions; None leaves it to uv and its settings.
        stay: what is not to be installed anew, whatever uv thinks of it.
    """
    drop = {_FROZEN, _LOCKED, *_MISLEADING, *({_EDITABLE} if editable else ())}
    mode = ("--no-editable",) if editable is False else ()
    but = _each("--no-install-package", stay)
    argv = (uv.path, "sync", "--locked", "--inexact", *_QUIET, *mode, *but, *sync_args)
    return Command(argv=argv, env=_without(environ, drop) | {"UV_PROJECT_ENVIRONMENT": str(prefix)}, cwd=str(root))


def as_locked(command: Command) -> Command:
    """The same with uv.lock as it is, which uv else refuses where it does not fit the pyproject.toml files."""
    return replace(command, argv=tuple("--frozen" if word == "--locked" else word for word in command.argv))


def dependencies_of(packages: Sequence[str]) -> tuple[str, ...]:
    """The ``sync_args`` that bring the dependencies of these in line, and no group of theirs.

    A plain ``uv sync`` selects what its project depends on; a member that was installed otherwise (``--all-packages``)
    would keep the dependencies of an older lock.
    """
    return ("--no-default-groups", *_each("--package", packages))


def _each(option: str, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for name in names for word in (option, name))


def lock_check_command(uv: Uv, *, root: Path, environ: Mapping[str, str]) -> Command:
    """Ask uv whether uv.lock fits the pyproject.toml files; exit status 0 if it does, 1 if not, 2 if it cannot say."""
    drop = {_FROZEN, _LOCKED, *_MISLEADING}
    return Command(argv=(uv.path, "lock", "--check", *_QUIET), env=_without(environ, drop), cwd=str(root))


def build_command(uv: Uv, source: str, *, out_dir: str, python: str, root: str, environ: Mapping[str, str]) -> Command:
    """Have uv build a wheel straight from a tree (no sdist between), into ``out_dir``, for the given interpreter.

    ``root`` is the project whose uv settings count (config settings, extra build dependencies, indexes).
    """
    drop = {*_MISLEADING, *_OF_ONE_PYTHON}
    arguments = ("build", "--wheel", "--out-dir", out_dir, "--no-create-gitignore", "--python", python, *_QUIET, source)
    extra = {"UV_PYTHON_PREFERENCE": "managed"}
    return Command(argv=(uv.path, *arguments), env=_without(environ, drop) | extra, cwd=root)


def _without(environ: Mapping[str, str], drop: set[str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in drop}


async def run_cached(
    command: Command,
    *,
    timeout: float,
    on_line: OnLine | None = None,
    safe_to_kill: Callable[[], bool] | None = None,
    root: Path | None = None,
) -> Completed:
    """Run a command that builds, from uv's cache alone, and only if that lacks something with the network.

    uv asks the index about each build requirement at every build, a fifth of the time of a small one. What an earlier
    build used is in the cache.

    Raises:
        CycleFailed: as ``run_uv``.
    """
    offline = replace(command, argv=(*command.argv, "--offline"))
    try:
        return await run_uv(offline, timeout=timeout, on_line=on_line, safe_to_kill=safe_to_kill, root=root)
    except CycleFailed as error:
        if not _WANTS_NETWORK.search(error.output):
            raise
    return await run_uv(command, timeout=timeout, on_line=on_line, safe_to_kill=safe_to_kill, root=root)


async def run_uv(
    command: Command,
    *,
    timeout: float,
    on_line: OnLine | None = None,
    safe_to_kill: Callable[[], bool] | None = None,
    root: Path | None = None,
) -> Completed:
    """Run a command of this module to its end.

    Args:
        command: what to run.
        timeout: seconds that it may take.
        on_line: given each line of the output as it comes.
        safe_to_kill: as ``process.run`` asks it, for a command that writes into the environment.
        root: the directory of the distribution, where that lies outside the workspace.

    Raises:
        CycleFailed: uv could not be run, took too long, or failed; then with what its output says of the cause, the
            path relative to the workspace root.
    """
    done = await run(
        command.argv,
        cwd=command.cwd,
        env=command.env,
        timeout=timeout,
        on_line=on_line,
        safe_to_kill=safe_to_kill,
    )
    if done.returncode == 0:
        return done
    if done.returncode < 0:
        raise CycleFailed(FailureKind.UV, f"uv was ended by signal {-done.returncode}", output=done.output)
    roots = (command.cwd, *(() if root is None else (str(root),)))
    found = diagnose(done.transcript, roots=roots, indent_of=indent_of_line)
    raise CycleFailed(
        found.kind,
        found.message or f"uv ended with exit status {done.returncode} and no word about why",
        path=found.path,
        line=found.line,
        column=found.column,
        output=done.output,
    )


def indent_of_line(path: str, line: int) -> int:
    """How far a line of a file is indented; 0 where it cannot be read (any more)."""
    try:
        with Path(path).open("rb") as file:
            text = next((each for number, each in enumerate(file, 1) if number == line), b"")
    except OSError:
        return 0
    return len(text) - len(text.lstrip(b" \t\f"))
