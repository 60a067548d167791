import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from uvwatch.core.model import Distribution
from uvwatch.errors import CycleFailed, FailureKind, Fatal
from uvwatch.installing.uv import (
    Command,
    Uv,
    find_uv,
    lock_check_command,
    make_command,
    reinstall_command,
    run_uv,
)
from uvwatch.project.environment import Environment, open_environment

UV = find_uv(os.environ)

ENVIRON = {
    "PATH": os.environ["PATH"],
    "HOME": os.environ.get("HOME", "/"),
    "UV_PYTHON": sys.executable,
    "UV_OFFLINE": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""uv without the settings of whoever runs the tests; what they need is in the trees themselves."""


def executable(path: Path, *, says: str, status: int = 0) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    path.chmod(0o755)
    return str(path)


def missing() -> str:
    raise FileNotFoundError("uv")


def test_the_variable_uv_comes_first(tmp_path: Path) -> None:
    named = executable(tmp_path / "a/uv", says="uv 0.9.9")
    executable(tmp_path / "b/uv", says="uv 1.0.0")
    found = find_uv({"UV": named, "PATH": str(tmp_path / "b")}, own=missing)
    assert found == Uv(path=named, version=(0, 9, 9))


def test_a_uv_that_is_too_old_is_passed_over_and_named(tmp_path: Path) -> None:
    old = executable(tmp_path / "a/uv", says="uv 0.8.3 (abcdef 2025-07-01)")
    new = executable(tmp_path / "b/uv", says="uv 0.10.0 (abcdef 2026-01-01)")
    found = find_uv({"PATH": f"{tmp_path}/a:{tmp_path}/b"}, own=missing)
    assert found == Uv(path=new, version=(0, 10, 0), passed_over=(f"uv 0.8.3 at {old} is older than 0.9.9",))


@pytest.mark.parametrize(
    ("says", "status", "why"),
    [
        ("uv 0.13.9", 3, "it ends with status 3"),
        ("uv 0.13.9", 127, "it ends with status 127"),
        ("pyenv: uv: command not found", 0, "it says no version of uv"),
        ("", 0, "it says no version of uv"),
    ],
)
def test_what_does_not_run_or_is_no_uv_is_passed_over_and_named(
    says: str, status: int, why: str, tmp_path: Path
) -> None:
    broken = executable(tmp_path / "a/uv", says=says, status=status)
    own = executable(tmp_path / "own/uv", says="uv 0.13.9")
    found = find_uv({"UV": broken, "PATH": f"{tmp_path}/a:{tmp_path}/nowhere"}, own=lambda: own)
    assert found == Uv(path=own, version=(0, 13, 9), passed_over=(f"{broken} is no uv that runs ({why})",))


def test_a_uv_that_cannot_be_run_is_named_and_a_shim_on_path_with_nothing_behind_it_is_not(tmp_path: Path) -> None:
    executable(tmp_path / "shims/uv", says="", status=127)
    own = executable(tmp_path / "own/uv", says="uv 0.13.9")
    plain = tmp_path / "plain"
    plain.write_text("")
    for named, why in ((tmp_path / "no", "No such file or directory"), (plain, "Permission denied")):
        found = find_uv({"UV": str(named), "PATH": str(tmp_path / "shims")}, own=lambda: own)
        assert found.passed_over == (f"{named} is no uv that runs ({why})",)


def test_no_uv_at_all_ends_the_program_with_one_sentence(tmp_path: Path) -> None:
    old = executable(tmp_path / "uv", says="uv 0.9.8")
    with pytest.raises(Fatal) as caught:
        find_uv({"UV": str(tmp_path / "no"), "PATH": str(tmp_path)}, own=missing)
    assert str(caught.value) == (
        f"found no uv of version 0.9.9 or newer ({tmp_path / 'no'} is no uv that runs (No such file or directory);"
        f" uv 0.9.8 at {old} is older than 0.9.9): "
        "install one, or name it in the variable UV"
    )
    assert caught.value.exit_code == 2


def test_our_own_uv_is_always_there() -> None:
    assert find_uv({"PATH": ""}).version >= (0, 9, 9)


def uv(*arguments: str, cwd: Path, **environ: str) -> str:
    done = subprocess.run(
        [UV.path, *arguments], cwd=cwd, env=ENVIRON | environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def package(root: Path, extra: str = "") -> Path:
    """A package of uv's own backend, which uv builds by itself and offline, named after its directory."""
    name = root.name
    (root / "src" / name).mkdir(parents=True)
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "0.1.0"\nrequires-python = ">=3.10"\n{extra}\n'
        '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
    )
    save(root, 1)
    return root


def save(root: Path, value: int) -> None:
    (root / "src" / root.name / "__init__.py").write_text(f"VALUE = {value}\n")


class Project:
    """A workspace, in its environment: a root that needs no member, ``lib`` by an extra, ``tool`` by a group.

    ``lib`` and ``tool`` are path dependencies outside the tree; ``stray`` is installed and unknown to uv.lock.
    """

    def __init__(self, top: Path, *, mode: str = "--no-editable", settings: str = "") -> None:
        tables = (
            '[project.optional-dependencies]\nweb = ["lib"]\n[dependency-groups]\ndev = ["tool"]\n'
            '[tool.uv.sources]\nlib = { path = "../lib" }\ntool = { path = "../tool" }\n'
            f'[tool.uv.workspace]\nmembers = ["pkgs/*"]\n[tool.uv]\n{settings}'
        )
        self.root = package(top / "ws", tables)
        self.roots = {
            "ws": self.root,
            "member": package(self.root / "pkgs" / "member"),
            "lib": package(top / "lib"),
            "tool": package(top / "tool"),
            "stray": package(top / "stray"),
        }
        uv("lock", cwd=self.root)
        uv("sync", "--all-packages", "--all-extras", mode, cwd=self.root)
        self.prefix = self.root / ".venv"
        uv("pip", "install", "--python", str(self.prefix), str(self.roots["stray"]), cwd=top)
        self.env: Environment = open_environment(self.prefix)

    def installed(self) -> dict[str, tuple[int, bool]]:
        """Each distribution's value and whether it is editable, as an interpreter of the environment sees them."""
        code = (
            "import importlib, importlib.metadata as m, json; print(json.dumps({d.name: ("
            "importlib.import_module(d.name).VALUE, json.loads(d.read_text('direct_url.json'))['dir_info']"
            ".get('editable', False)) for d in m.distributions()}))"
        )
        done = subprocess.run(
            [str(self.env.python), "-c", code], cwd=self.prefix, env=ENVIRON, capture_output=True, text=True, check=True
        )
        return {name: (value, editable) for name, (value, editable) in json.loads(done.stdout).items()}

    def command(
        self, name: str, *, locked: bool = True, editable: bool = False, environ: Mapping[str, str] | None = None
    ) -> Command:
        where = str(self.roots[name])
        return reinstall_command(
            UV,
            Distribution(
                name=name, version="0.1.0", root=where, editable=editable, dist_info=f"{name}-0.1.0.dist-info"
            ),
            locked=locked,
            editable=editable,
            root=self.root,
            env=self.env,
            environ=ENVIRON if environ is None else environ,
        )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One project for the tests that reinstall into it and leave it whole."""
    return Project(tmp_path_factory.mktemp("shared"))


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["ws", "member", "lib", "tool", "stray"])
async def test_a_reinstall_makes_one_distribution_fresh_and_touches_no_other(name: str, shared: Project) -> None:
    before = shared.installed()
    for root in shared.roots.values():
        save(root, before[name][0] + 10)
    await run_uv(shared.command(name, locked=name != "stray"), timeout=60)
    assert shared.installed() == before | {name: (before[name][0] + 10, False)}


@pytest.mark.anyio
@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize(
    "variable",
    [
        "UV_COMPILE_BYTECODE=1",
        "UV_FROZEN=1",
        "UV_LOCKED=1",
        "UV_MANAGED_PYTHON=1",
        "UV_NO_DEV=1",
        "UV_NO_EDITABLE=1",
        "UV_NO_INSTALL_LOCAL=1",
        "UV_NO_INSTALL_PROJECT=1",
        "UV_NO_MANAGED_PYTHON=1",
        "UV_NO_SOURCES=1",
        "UV_NO_SYNC=1",
        "UV_PREVIEW=1",
        "UV_PROJECT=/nonexistent",
        "UV_PROJECT_ENVIRONMENT=/nonexistent",
        "UV_PYTHON=3.99",
        "UV_PYTHON_PREFERENCE=only-managed",
        "UV_SYSTEM_PYTHON=1",
        "UV_WORKING_DIR=/nonexistent",
        "VIRTUAL_ENV=/nonexistent",
    ],
)
async def test_no_variable_of_the_users_breaks_a_reinstall(variable: str, locked: bool, shared: Project) -> None:
    name = "ws" if locked else "stray"
    value = shared.installed()[name][0] + 1
    save(shared.roots[name], value)
    key, _, set_to = variable.partition("=")
    await run_uv(shared.command(name, locked=locked, environ=ENVIRON | {key: set_to}), timeout=60)
    assert shared.installed()[name] == (value, False)
    assert sorted(shared.installed()) == ["lib", "member", "stray", "tool", "ws"]
    assert not list(shared.env.purelib.rglob("*.pyc"))


@pytest.mark.anyio
async def test_an_editable_distribution_stays_editable(tmp_path: Path) -> None:
    project = Project(tmp_path, mode="--all-groups")
    assert project.installed() == {
        "ws": (1, True),
        "member": (1, True),
        "lib": (1, False),
        "tool": (1, False),
        "stray": (1, False),
    }
    environ = ENVIRON | {"UV_NO_EDITABLE": "1"}
    for name, locked in (("ws", True), ("member", True), ("stray", False)):
        await run_uv(project.command(name, locked=locked, editable=True, environ=environ), timeout=60)
    assert [project.installed()[name] for name in ("ws", "member", "stray")] == [(1, True)] * 3


@pytest.mark.anyio
async def test_a_reinstall_can_change_the_mode_of_one_distribution(tmp_path: Path) -> None:
    project = Project(tmp_path, mode="--all-groups")
    await run_uv(project.command("member"), timeout=60)
    assert (project.installed()["ws"], project.installed()["member"]) == ((1, True), (1, False))


@pytest.mark.anyio
async def test_settings_that_refuse_the_environments_python_do_not_have_uv_remove_the_environment(
    tmp_path: Path,
) -> None:
    project = Project(tmp_path, settings="package = false\n")
    pyproject = project.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + 'python-preference = "only-managed"\ncompile-bytecode = true\n')
    (project.root / ".python-version").write_text("3.99\n")
    save(project.roots["member"], 2)
    await run_uv(project.command("member"), timeout=60)
    assert sorted(project.installed().items()) == [
        ("lib", (1, False)),
        ("member", (2, False)),
        ("stray", (1, False)),
        ("tool", (1, False)),
    ]
    assert not list(project.env.purelib.rglob("*.pyc"))


@pytest.mark.anyio
async def test_a_failed_reinstall_leaves_the_old_copy_and_says_what_is_wrong(tmp_path: Path) -> None:
    project = Project(tmp_path)
    pyproject = project.roots["lib"] / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('version = "0.1.0"', 'version = "0.1.0'))
    lines: list[str] = []
    with pytest.raises(CycleFailed) as caught:
        await run_uv(project.command("lib"), timeout=60, on_line=lines.append, root=project.roots["lib"])
    error = caught.value
    assert (error.kind, str(error)) == (FailureKind.BUILD, 'TOML parse error: invalid basic string, expected `"`')
    assert (error.path, error.line, error.column) == ("../lib/pyproject.toml", 3, 17)
    assert error.output == "\n".join(lines)
    assert project.installed()["lib"] == (1, False)


@pytest.mark.anyio
async def test_the_column_of_a_syntax_error_counts_the_lines_indentation(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (tmp_path / "backend.py").write_text("def f():\n    return 1 1\n")
    command = Command(argv=(UV.path, "build", "--wheel", "--color", "never"), env=ENVIRON, cwd=str(tmp_path))
    with pytest.raises(CycleFailed, match=r"^SyntaxError: ") as caught:
        await run_uv(command, timeout=60)
    assert (caught.value.path, caught.value.line, caught.value.column) == ("backend.py", 2, 14)


@pytest.mark.anyio
async def test_what_fails_without_a_word_is_said_so(tmp_path: Path) -> None:
    silent = Command(argv=("sh", "-c", "exit 2"), env=ENVIRON, cwd=str(tmp_path))
    with pytest.raises(CycleFailed, match=r"^uv ended with exit status 2 and no word about why$"):
        await run_uv(silent, timeout=60)
    killed = Command(argv=("sh", "-c", "kill -9 $$"), env=ENVIRON, cwd=str(tmp_path))
    with pytest.raises(CycleFailed, match=r"^uv was ended by signal 9$"):
        await run_uv(killed, timeout=60)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("editable", "environ", "expected"),
    [
        pytest.param(None, {}, True, id="as uv decides"),
        pytest.param(None, {"UV_NO_EDITABLE": "1"}, False, id="as the user's variable says"),
        pytest.param(True, {"UV_NO_EDITABLE": "1"}, True, id="editable"),
        pytest.param(False, {}, False, id="not editable"),
    ],
)
async def test_an_environment_is_made_in_the_mode_wanted(
    editable: bool | None,
    environ: dict[str, str],
    expected: bool,
    tmp_path: Path,
) -> None:
    project = Project(tmp_path)
    project.prefix = tmp_path / "made"
    everything = {"UV_FROZEN": "1", "UV_LOCKED": "1", "UV_NO_SYNC": "1", "UV_PROJECT": "/", "VIRTUAL_ENV": "/"}
    command = make_command(
        UV,
        root=project.root,
        prefix=project.prefix,
        environ=ENVIRON | everything | environ,
        sync_args=["--no-dev", "--extra", "web"],
        editable=editable,
    )
    await run_uv(command, timeout=60)
    project.env = open_environment(project.prefix)
    assert project.installed() == {"ws": (1, expected), "lib": (1, False)}


@pytest.mark.anyio
async def test_the_lock_is_checked_and_never_written(tmp_path: Path) -> None:
    root = package(tmp_path / "app")
    uv("lock", cwd=root)
    lock = (root / "uv.lock").read_bytes()
    environ = ENVIRON | {"UV_FROZEN": "1", "UV_LOCKED": "1"}
    command = lock_check_command(UV, root=root, environ=environ)
    assert (await run_uv(command, timeout=60)).returncode == 0
    pyproject = root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("0.1.0", "0.2.0"))
    for stale in (command, make_command(UV, root=root, prefix=root / ".venv", environ=environ)):
        with pytest.raises(CycleFailed, match=r"The lockfile at `uv.lock` needs to be updated") as caught:
            await run_uv(stale, timeout=60)
        assert caught.value.kind is FailureKind.UV
    assert (root / "uv.lock").read_bytes() == lock
