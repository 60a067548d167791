"""The virtual environment: which one, whether it is one, and where things lie in it.

It reads pyvenv.cfg and directory listings; only an environment that these do not explain is asked through its own
interpreter. It must not know what is installed there (``installed`` does), and it changes nothing.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from uvwatch.errors import Fatal
from uvwatch.project.workspace import Root, refuse_unusable

_CONFIG = "pyvenv.cfg"
_PATIENCE = 10.0
_INTERPRETERS = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe")
_ELSEWHERE = "take another directory, or remove this one if nothing in it is a loss"
_QUESTION = (
    "import json, sys, sysconfig; print(json.dumps([sys.prefix, sysconfig.get_path('purelib'),"
    " sysconfig.get_path('platlib'), '%d.%d.%d' % sys.version_info[:3]]))"
)


class Absence(Enum):
    """Why there is no environment. uv makes one for the first three, and refuses to touch the last two."""

    MISSING = "missing"
    EMPTY = "empty"
    NO_INTERPRETER = "no-interpreter"
    STRAY = "stray"
    NOT_A_DIRECTORY = "not-a-directory"


class NoEnvironment(Fatal):
    """The directory is no usable environment.

    Attributes:
        prefix: the directory.
        absence: what is wrong with it.
    """

    def __init__(self, prefix: Path, absence: Absence, message: str) -> None:
        super().__init__(message)
        self.prefix = prefix
        self.absence = absence

    @property
    def can_be_made(self) -> bool:
        """Whether ``uv sync`` would make an environment here."""
        return self.absence in (Absence.MISSING, Absence.EMPTY, Absence.NO_INTERPRETER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where things lie in an environment, as absolute paths; ``platlib`` is ``purelib`` itself where they are one.

    ``python_version`` is ``X.Y.Z`` as pyvenv.cfg has it (an interpreter that was upgraded in place may be newer).
    """

    prefix: Path
    purelib: Path
    platlib: Path
    python: Path
    has_pyvenv_cfg: bool
    python_version: str

    @property
    def libraries(self) -> tuple[Path, ...]:
        """Its one or two library directories."""
        return tuple(dict.fromkeys((self.purelib, self.platlib)))


def locate(workspace: Root, environ: Mapping[str, str], *, environment: Path | None, active: bool) -> Path:
    """The directory of the environment, whether or not there is one.

    ``environment`` if given, else with ``active`` ``VIRTUAL_ENV``, else ``UV_PROJECT_ENVIRONMENT`` relative to the
    workspace root, else ``.venv`` there. A file in its place redirects, as for uv: it holds the path, relative to where
    the file lies.

    Raises:
        Fatal: ``active`` without ``VIRTUAL_ENV``, a redirect that cannot be read, or what no directory can be called.
    """
    prefix = _located(workspace, environ, environment=environment, active=active)
    refuse_unusable(prefix / _CONFIG)
    return prefix


def _located(workspace: Root, environ: Mapping[str, str], *, environment: Path | None, active: bool) -> Path:
    if environment is not None:
        return _redirected(Path(os.path.abspath(environment)))  # noqa: PTH100 - resolve() would follow symbolic links
    if active:
        if not environ.get("VIRTUAL_ENV"):
            raise Fatal("--active needs an active environment, but VIRTUAL_ENV is not set")
        return Path(os.path.abspath(environ["VIRTUAL_ENV"]))  # noqa: PTH100
    name = environ.get("UV_PROJECT_ENVIRONMENT") or ".venv"
    return _redirected(Path(os.path.normpath(workspace.root / name)))


def open_environment(prefix: Path) -> Environment:
    """Find out where things lie in the environment at ``prefix``, an absolute path.

    Raises:
        NoEnvironment: there is none, with a sentence that says what is there instead.
    """
    config = _pyvenv_cfg(prefix)
    python = next((path for name in _INTERPRETERS if os.access(path := prefix / name, os.X_OK)), None)
    if python is None:
        raise _absent(prefix, config)
    if config is not None and (found := _by_listing(prefix, python, config)) is not None:
        return found
    return _by_asking(prefix, python, has_pyvenv_cfg=config is not None)


def _redirected(path: Path) -> Path:
    refuse_unusable(path)
    if not path.is_file():
        return path
    try:
        target = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as error:
        raise Fatal(f"{path}: cannot be read as the path of an environment: {error}") from error
    if not target:
        raise Fatal(f"{path}: is an empty file where an environment, or its path, should be")
    if "\n" in target:
        raise Fatal(f"{path}: is a file of several lines where an environment, or its path, should be")
    return Path(os.path.normpath(path.parent / target))


def _pyvenv_cfg(prefix: Path) -> dict[str, str] | None:
    """The keys of pyvenv.cfg in lower case, as the ``site`` module reads them; None without the file."""
    try:
        text = (prefix / _CONFIG).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}


def _absent(prefix: Path, config: Mapping[str, str] | None) -> NoEnvironment:
    """Say what is there instead of an environment with an interpreter."""
    if prefix.is_symlink() and not prefix.exists():  # uv would say that the file exists
        gone = f"{prefix} is a link to {prefix.readlink()}, which is not there"
        return NoEnvironment(prefix, Absence.NOT_A_DIRECTORY, f"{gone}, so no environment")
    if not prefix.exists():
        return NoEnvironment(prefix, Absence.MISSING, f"no environment at {prefix}: run `uv sync`")
    if not prefix.is_dir():
        return NoEnvironment(prefix, Absence.NOT_A_DIRECTORY, f"{prefix} is not a directory, so no environment")
    if config is not None:
        python = prefix / _INTERPRETERS[0]
        gone = f" ({python} is a link to {python.readlink()})" if python.is_symlink() else ""
        return NoEnvironment(
            prefix, Absence.NO_INTERPRETER, f"the environment {prefix} has lost its interpreter{gone}: run `uv sync`"
        )
    try:
        stray = sorted(entry.name for entry in prefix.iterdir())
    except OSError as error:
        raise Fatal(f"{prefix}: cannot be read ({error.strerror})") from error
    if not stray:
        return NoEnvironment(prefix, Absence.EMPTY, f"{prefix} is empty: run `uv sync`")
    return NoEnvironment(
        prefix,
        Absence.STRAY,
        f"{prefix} is no environment, and holds other files ({stray[0]}, ...), which uv refuses: {_ELSEWHERE}",
    )


def _by_listing(prefix: Path, python: Path, config: Mapping[str, str]) -> Environment | None:
    """The layout that pyvenv.cfg and the names of directories tell; None where they do not tell enough."""
    version = re.match(r"\d+\.\d+(\.\d+)?", config.get("version_info") or config.get("version") or "")
    if version is None:
        return None
    minor = ".".join(version[0].split(".")[:2])
    places = [f"{name}{minor}{threads}" for name in ("python", "pypy") for threads in ("", "t")]
    windows = prefix / "Lib" / "site-packages"
    purelib = _first_directory([*(prefix / "lib" / place / "site-packages" for place in places), windows])
    if purelib is None:
        return None
    platlib = prefix / "lib64" / purelib.parent.name / purelib.name
    if not platlib.is_dir() or platlib.samefile(purelib):
        platlib = purelib
    return Environment(
        prefix=prefix,
        purelib=purelib,
        platlib=platlib,
        python=python,
        has_pyvenv_cfg=True,
        python_version=version[0],
    )


def _first_directory(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_dir()), None)


def _by_asking(prefix: Path, python: Path, *, has_pyvenv_cfg: bool) -> Environment:
    """The layout that the interpreter itself tells."""
    import json  # noqa: PLC0415 - a client wants ``locate`` alone, and soon
    import subprocess  # noqa: PLC0415 - as above

    try:
        answer = subprocess.run(  # noqa: S603 - the environment's own interpreter, which uv runs as well
            [python, "-I", "-c", _QUESTION],
            capture_output=True,
            check=True,
            timeout=_PATIENCE,
            stdin=subprocess.DEVNULL,
        )
        own_prefix, purelib, platlib, version = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NoEnvironment(
            prefix, Absence.NO_INTERPRETER, f"the interpreter {python} does not say where its packages are: {error}"
        ) from error
    if not prefix.samefile(own_prefix):
        # Without its pyvenv.cfg an environment's interpreter speaks of the Python it was made from.
        raise NoEnvironment(
            prefix, Absence.STRAY, f"{prefix} is no environment, {python} belongs to {own_prefix}: {_ELSEWHERE}"
        )
    return Environment(
        prefix=prefix,
        purelib=Path(purelib),
        platlib=Path(platlib),
        python=python,
        has_pyvenv_cfg=has_pyvenv_cfg,
        python_version=version,
    )
