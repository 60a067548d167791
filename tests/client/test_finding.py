"""A client finds the environment that the work itself would find, and knows little to do so."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from uvwatch.client.finding import find_place
from uvwatch.errors import Fatal
from uvwatch.keeping.site import Request, find_site

MEMBER = '[project]\nname = "{name}"\nversion = "1"\n'


@pytest.fixture
def runtime() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="uvw") as directory:
        yield directory


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a member, and a project beside it that is none."""
    for name in ("a/src", "b"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["a"]\n')
    for name in ("a", "b"):
        (tmp_path / name / "pyproject.toml").write_text(MEMBER.format(name=name))
    return tmp_path


@pytest.mark.parametrize(
    ("start", "variables", "environment", "active", "expected"),
    [
        (".", {}, None, False, ".venv"),
        ("a/src", {}, None, False, ".venv"),
        ("b", {}, None, False, "b/.venv"),
        ("a", {"UV_PROJECT_ENVIRONMENT": "env"}, None, False, "env"),
        ("a", {"UV_PROJECT_ENVIRONMENT": "env"}, "b/other", False, "b/other"),
        ("a", {"VIRTUAL_ENV": "/active"}, None, True, "/active"),
    ],
)
def test_the_environment_is_the_one_that_the_work_itself_finds(
    workspace: Path,
    runtime: str,
    start: str,
    variables: Mapping[str, str],
    environment: str | None,
    active: bool,
    expected: str,
) -> None:
    environ = {"XDG_RUNTIME_DIR": runtime, **variables}
    named = None if environment is None else workspace / environment

    place = find_place(workspace / start, environ, environment=named, active=active)

    request = Request(project=workspace / start, environment=named, active=active, options={}, environ=environ)
    site = find_site(request)
    assert place.prefix == site.prefix == workspace / expected
    assert place.rendezvous == site.rendezvous


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.write_text("[[["), r"pyproject\.toml:1:"),
        (lambda file: file.write_text(""), "has neither"),
        (lambda file: file.unlink(), "no pyproject.toml in"),
    ],
    ids=["broken", "empty", "gone"],
)
def test_a_project_that_is_none_just_now_is_found_by_the_daemon_that_keeps_it(
    workspace: Path, runtime: str, spoil: Callable[[Path], object], said: str
) -> None:
    environ = {"XDG_RUNTIME_DIR": runtime}
    (workspace / "b" / "src").mkdir()
    whole = find_place(workspace / "b", environ, environment=None, active=False)
    (workspace / "pyproject.toml").unlink()
    spoil(workspace / "b" / "pyproject.toml")
    with pytest.raises(Fatal, match=said):
        find_place(workspace / "b" / "src", environ, environment=None, active=False)

    whole.rendezvous.socket.touch()

    assert find_place(workspace / "b" / "src", environ, environment=None, active=False) == whole
    with pytest.raises(Fatal, match="no such directory"):
        find_place(workspace / "b" / "nowhere", environ, environment=None, active=False)


@pytest.mark.parametrize("module", ["asking", "syncing"])
def test_a_client_imports_no_event_loop_no_log_and_no_keeper(module: str) -> None:
    code = f"import sys, uvwatch.cli, uvwatch.commands.{module}; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = ("anyio", "asyncio", "structlog", "rich", "watchfiles", "filelock", "packaging", "subprocess", "logging")
    own = ("uvwatch.core.model", "uvwatch.keeping", "uvwatch.installing", "uvwatch.daemon", "uvwatch.once")
    assert not {*heavy, *own} & {*done.stdout.split()}
