"""The installed command from outside: small real projects, a user's environment, and processes whose lines are awaited.

Nothing here knows the program's modules: what it does is seen through its console script, its lines, its exit status
and the files that it leaves.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from uv import find_uv_bin

from scripts.torture_projects import SAMPLES as BACKENDS
from scripts.torture_projects import lay_out
from tests.e2e.lines import PATIENCE, Lines

COMMAND = Path(sys.executable).with_name("uvwatch")
SAMPLES = Path(__file__).parent.parent / "projects"

END = "uvwatch: (updated|unchanged|failed)"
"""The last line of a cycle, as README has it for problem matchers."""

TINY = {
    "pyproject.toml": """\
[build-system]
requires = ["uv_build>=0.9"]
build-backend = "uv_build"

[project]
name = "tiny"
version = "1.0"
requires-python = ">=3.10"
""",
    "src/tiny/__init__.py": 'VALUE = "one"\n',
    "src/tiny/a.css": "a { color: red }\n",
}
"""The backend that builds fastest, and everything below ``src/tiny`` is in the wheel."""

WEB = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "web"
version = "1.0"
requires-python = ">=3.10"

[tool.hatch.build.hooks.custom]

[tool.hatch.build.targets.wheel]
only-include = ["web"]
artifacts = ["web/static"]
""",
    ".gitignore": ".venv/\nweb/static/\n__pycache__/\n",
    "web/__init__.py": 'VALUE = "one"\n',
    "hatch_build.py": """\
import os
from socket import AF_UNIX, socket

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Gate(BuildHookInterface):
    def finalize(self, version, build_data, artifact_path):
        gate = os.environ.get("GATE", "")
        if os.path.exists(gate):
            with socket(AF_UNIX) as connection:
                connection.connect(gate)
                connection.recv(1)
""",
}
"""A backend that honours .gitignore, generated files, and a build that can be made to wait at its end: see ``Gate``."""

_NOT_THE_USERS = ("PYTHON", "UVWATCH", "GIT_", "LC_")
_NO_SETTINGS = frozenset({
    "COLUMNS", "FORCE_COLOR", "LANG", "NO_COLOR", "UV", "UV_COMPILE_BYTECODE", "UV_FROZEN", "UV_LOCKED", "UV_NO_CACHE",
    "UV_NO_EDITABLE", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "VIRTUAL_ENV",
})  # fmt: skip


@cache
def uv_cache() -> str:
    """The cache that uv has anyway: it holds the backends, so that no test waits for the network twice."""
    return subprocess.run([find_uv_bin(), "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()


# Whoever began the tests may have had it ignored (nohup), and every process that they start would inherit that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Daemon:
    """A running ``uvwatch watch``, or another process of which lines are awaited."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self.out = Lines(process.stdout)
        self.err = Lines(process.stderr)

    def cycle(self) -> list[str]:
        """The lines up to and with the end of the next cycle."""
        return self.out.until(END)

    def send(self, number: int) -> None:
        """Send a signal to this process alone."""
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> list[str]:
        """End it by a signal and give the lines that were left."""
        self.send(number)
        lines = self.out.rest()
        self.ended()
        return lines

    def ended(self) -> int:
        """Wait for its end and give the exit status."""
        return self.process.wait(PATIENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A source tree with its uv environment, and the variables that its user has."""

    root: Path
    env: Mapping[str, str]
    prefix: Path

    @property
    def site(self) -> Path:
        """Its site-packages."""
        return next(self.prefix.glob("lib/python*/site-packages"))

    def write(self, files: Mapping[str, str]) -> None:
        """Write files of the tree; each appears at once, as editors do it."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.partial")
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)

    def read(self, name: str) -> str:
        """What a file of the tree holds."""
        return (self.root / name).read_text(encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that the file holds."""
        before = self.read(name)
        assert old in before
        self.write({name: before.replace(old, new)})

    def installed(self, name: str) -> str | None:
        """What an installed file holds, None if there is none."""
        path = self.site / name
        return path.read_text(encoding="utf-8") if path.exists() else None

    def files(self) -> dict[str, bytes]:
        """What the tree holds, without the environment, git's own files and bytecode."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and not {".venv", ".git", "__pycache__"}.intersection(path.parts)
        }

    def at(self, directory: Path) -> "Project":
        """The same, with another working directory."""
        return replace(self, root=directory)

    def having(self, **variables: str) -> "Project":
        """The same, with further environment variables."""
        return replace(self, env={**self.env, **variables})

    def run(self, *argv: str | Path, check: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command in the tree, as the user would."""
        done = subprocess.run(
            [str(word) for word in argv],
            cwd=self.root,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"{argv} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def uv(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run uv; it must succeed."""
        return self.run(find_uv_bin(), *arguments, check=True)

    def uvwatch(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of uvwatch to its end."""
        return self.run(COMMAND, *arguments)

    def python(self, code: str) -> str:
        """What a fresh interpreter of the environment prints, away from the tree and its imports."""
        away = self.at(Path(self.env["HOME"]))
        return away.run(self.prefix / "bin" / "python", "-c", code, check=True).stdout.strip()

    @contextmanager
    def start(self, *argv: str | Path) -> Iterator[Daemon]:
        """Start a process in the tree; it is killed at the end if it still runs."""
        with subprocess.Popen(
            [str(word) for word in argv],
            cwd=self.root,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            daemon = Daemon(process)
            try:
                yield daemon
            finally:
                # The whole group, before the streams are closed: a reader of an open pipe would be waited for.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                daemon.out.rest()
                daemon.err.rest()

    @contextmanager
    def watch(self, *arguments: str) -> Iterator[Daemon]:
        """Start ``uvwatch watch`` and go on once it is ready; ``out.seen`` has the lines until then."""
        with self.start(COMMAND, "watch", *arguments) as daemon:
            daemon.out.until(r'uvwatch: ready, |\{.*"event":"ready"')
            yield daemon


Make = Callable[[Mapping[str, str]], Project]
Sampled = Callable[[str], Project]


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """The environment variables of a user who set nothing, with a home of their own."""
    home = tmp_path / "home"
    home.mkdir()
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_NOT_THE_USERS) and name not in _NO_SETTINGS
    }
    # A socket's path may have 107 bytes, so the runtime directory is a short one; mkdtemp makes it 0700.
    with tempfile.TemporaryDirectory(prefix="uvw") as runtime:
        yield {
            **inherited,
            "GATE": str(Path(runtime, "gate")),
            "HOME": str(home),
            "PATH": os.pathsep.join([str(Path(sys.base_prefix, "bin")), os.environ["PATH"]]),
            "UV_CACHE_DIR": uv_cache(),
            "UV_PYTHON_DOWNLOADS": "never",
            "XDG_RUNTIME_DIR": runtime,
        }


@pytest.fixture
def make(tmp_path: Path, user: Mapping[str, str]) -> Make:
    """Make a locked project of these files, not installed yet, in a directory named after it."""

    def made(files: Mapping[str, str]) -> Project:
        root = tmp_path / "project"
        root.mkdir()
        project = Project(root=root, env=user, prefix=root / ".venv")
        project.write(files)
        project.uv("lock")
        return project

    return made


@pytest.fixture
def tiny(make: Make) -> Project:
    """The smallest project, installed as a copy."""
    project = make(TINY)
    project.uv("sync", "--no-editable")
    return project


@pytest.fixture
def web(make: Make) -> Project:
    """A project with generated files, installed as a copy before they exist."""
    project = make(WEB)
    project.run("git", "init", "--quiet", check=True)
    project.uv("sync", "--no-editable")
    return project


@pytest.fixture
def sample(tmp_path: Path, user: Mapping[str, str]) -> Callable[[str], Project]:
    """Copy a sample project of a build backend by its name, locked, and installed as a copy by uv."""

    def made(name: str) -> Project:
        root = tmp_path / name
        lay_out(next(each for each in BACKENDS if each.name == name), root, user)
        project = Project(root=root, env=user, prefix=root / ".venv")
        project.uv("lock")
        project.uv("sync", "--no-editable")
        return project

    return made


@pytest.fixture
def django(tmp_path: Path, user: Mapping[str, str]) -> Project:
    """The Django project of the samples under git, locked, not installed yet."""
    root = tmp_path / "myapp"
    shutil.copytree(SAMPLES / "django_static", root, ignore=shutil.ignore_patterns(".venv", "staticfiles", "*.pyc"))
    project = Project(root=root, env=user, prefix=root / ".venv")
    project.run("git", "init", "--quiet", check=True)
    project.uv("lock")
    return project


class Gate:
    """Makes the builds of ``WEB`` wait: each knocks, and goes on when it is let through or the gate is opened."""

    def __init__(self, address: str, stack: ExitStack) -> None:
        self._address = Path(address)
        self._stack = stack
        self._socket = stack.enter_context(socket.socket(socket.AF_UNIX))
        self._socket.settimeout(PATIENCE)
        self._socket.bind(address)
        self._socket.listen()

    def knock(self) -> socket.socket:
        """Wait until a build waits; closing what is returned lets it through."""
        connection, _ = self._socket.accept()
        connection.settimeout(PATIENCE)
        return self._stack.enter_context(connection)

    def open(self) -> None:
        """Let all later builds through."""
        self._address.unlink()


@pytest.fixture
def close_gate(user: Mapping[str, str]) -> Iterator[Callable[[], Gate]]:
    """Close the gate for the builds of ``WEB`` from now on."""
    with ExitStack() as stack:
        yield lambda: Gate(user["GATE"], stack)
