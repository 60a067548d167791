import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from uv import find_uv_bin

from uvwatch.errors import Fatal
from uvwatch.project.environment import Absence, NoEnvironment, locate, open_environment
from uvwatch.project.workspace import Workspace, find

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root, member = tmp_path / "w", tmp_path / "w/m"
    member.mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "w"\n[tool.uv.workspace]\nmembers = ["m"]\n')
    (member / "pyproject.toml").write_text('[project]\nname = "m"\n')
    return find(member)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """An environment as the standard library makes it, without pip."""
    prefix = tmp_path / "env"
    venv.create(prefix, symlinks=True)
    return prefix


def an_interpreter(prefix: Path) -> None:
    """A program that may be run but says nothing: whoever asks it for paths has done more than reading."""
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/python").write_text("#!/bin/sh\nexit 1\n")
    (prefix / "bin/python").chmod(0o755)


def a_listing(prefix: Path, library: str, *lines: str) -> None:
    """An environment of which only what can be read without an interpreter is there."""
    an_interpreter(prefix)
    (prefix / library / "site-packages").mkdir(parents=True)
    (prefix / "pyvenv.cfg").write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "w/.venv"),
        ({"UV_PROJECT_ENVIRONMENT": ""}, "w/.venv"),
        ({"UV_PROJECT_ENVIRONMENT": "envs/dev"}, "w/envs/dev"),
        ({"UV_PROJECT_ENVIRONMENT": "../out"}, "out"),
        ({"UV_PROJECT_ENVIRONMENT": "/usr/local"}, "/usr/local"),
        ({"VIRTUAL_ENV": "/elsewhere"}, "w/.venv"),
    ],
)
def test_the_environment_lies_at_the_workspace_root_or_where_uvs_variable_says(
    tmp_path: Path, workspace: Workspace, environ: Mapping[str, str], expected: str
) -> None:
    assert locate(workspace, environ, environment=None, active=False) == tmp_path / expected


def test_an_option_wins_over_the_variable_and_is_relative_to_here(workspace: Workspace) -> None:
    environ = {"UV_PROJECT_ENVIRONMENT": "other", "VIRTUAL_ENV": "/active"}

    assert locate(workspace, environ, environment=Path("x/../y"), active=True) == Path.cwd() / "y"


def test_active_takes_the_active_environment(workspace: Workspace) -> None:
    environ = {"UV_PROJECT_ENVIRONMENT": "other", "VIRTUAL_ENV": "/active"}

    assert locate(workspace, environ, environment=None, active=True) == Path("/active")


@pytest.mark.parametrize("environ", [{}, {"VIRTUAL_ENV": ""}])
def test_active_without_an_active_environment_is_refused(workspace: Workspace, environ: Mapping[str, str]) -> None:
    with pytest.raises(Fatal, match="VIRTUAL_ENV is not set"):
        locate(workspace, environ, environment=None, active=True)


@pytest.mark.parametrize("text", ["../env", "../env\n", "{tmp}/env\n"])
def test_a_file_in_the_environments_place_redirects(tmp_path: Path, workspace: Workspace, text: str) -> None:
    (workspace.root / ".venv").write_text(text.format(tmp=tmp_path))

    assert locate(workspace, {}, environment=None, active=False) == tmp_path / "env"


def test_an_empty_redirect_is_refused_as_by_uv(workspace: Workspace) -> None:
    (workspace.root / ".venv").touch()

    with pytest.raises(Fatal, match="is an empty file"):
        locate(workspace, {}, environment=None, active=False)


@pytest.mark.parametrize(
    ("environ", "environment"),
    [
        ({}, Path("x" * 300)),
        ({}, Path("x" * 300, "y")),
        ({}, Path(*["x" * 250] * 20)),
        ({"UV_PROJECT_ENVIRONMENT": "x" * 300}, None),
        ({"UV_PROJECT_ENVIRONMENT": "round"}, None),
    ],
    ids=["a long name", "a long name above", "a long path", "a variable", "a circle of links"],
)
def test_what_no_directory_can_be_called_is_refused(
    workspace: Workspace, environ: Mapping[str, str], environment: Path | None
) -> None:
    (workspace.root / "round").symlink_to("round")

    with pytest.raises(Fatal, match=r"cannot be looked at \((File name too long|Too many levels of symbolic links)\)"):
        locate(workspace, environ, environment=environment, active=False)


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("one\ntwo\n", "is a file of several lines where an environment, or its path, should be"),
        ("\0", r"cannot be looked at \(embedded null byte\)"),
        ("x" * 300, r"cannot be looked at \(File name too long\)"),
    ],
)
def test_a_file_that_is_no_redirect_is_refused(workspace: Workspace, held: str, said: str) -> None:
    file = workspace.root / ".venv"
    file.write_text(held)

    for given in (None, file):
        with pytest.raises(Fatal, match=said):
            locate(workspace, {}, environment=given, active=False)


@pytest.mark.parametrize("maker", ["venv", "uv"])
def test_an_environment_is_laid_out_as_its_own_interpreter_says(tmp_path: Path, maker: str) -> None:
    prefix = tmp_path / "env"
    if maker == "venv":
        venv.create(prefix, symlinks=True)
    else:
        uv = [find_uv_bin(), "venv", "--quiet", "--no-project", "--python", sys.executable, str(prefix)]
        subprocess.run(uv, check=True)
    question = "import sysconfig as s; print(s.get_path('purelib'), s.get_path('platlib'), sep='\\n')"
    answer = subprocess.run([prefix / "bin/python", "-c", question], check=True, capture_output=True, text=True)
    purelib, platlib = answer.stdout.splitlines()

    env = open_environment(prefix)

    assert (env.purelib, env.platlib) == (Path(purelib), env.purelib)
    assert env.platlib.samefile(platlib)
    assert (env.prefix, env.python, env.has_pyvenv_cfg) == (prefix, prefix / "bin/python", True)
    assert env.python_version == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize(
    ("library", "lines", "version"),
    [
        ("lib/python3.12", ("version = 3.12.1",), "3.12.1"),
        ("lib/python3.12", ("implementation = CPython", "version_info = 3.12.1"), "3.12.1"),
        ("lib/python3.12", ("version_info = 3.12.1.final.0",), "3.12.1"),
        ("lib/python3.12", ("VERSION=3.12",), "3.12"),
        ("lib/pypy3.10", ("implementation = PyPy", "version_info = 3.10.14"), "3.10.14"),
        ("lib/python3.13t", ("version_info = 3.13.2",), "3.13.2"),
        ("Lib", ("version_info = 3.12.1",), "3.12.1"),
    ],
)
def test_the_layout_is_read_without_starting_the_interpreter(
    tmp_path: Path, library: str, lines: tuple[str, ...], version: str
) -> None:
    a_listing(tmp_path, library, *lines)

    env = open_environment(tmp_path)

    assert env.purelib == env.platlib == tmp_path / library / "site-packages"
    assert env.python_version == version


def test_what_another_python_left_behind_is_not_taken(tmp_path: Path) -> None:
    a_listing(tmp_path, "lib/python3.12", "version_info = 3.12.1")
    (tmp_path / "lib/python3.11/site-packages").mkdir(parents=True)

    assert open_environment(tmp_path).purelib == tmp_path / "lib/python3.12/site-packages"


def test_a_linked_lib64_is_the_same_place_and_a_real_one_another(tmp_path: Path) -> None:
    a_listing(tmp_path, "lib/python3.12", "version_info = 3.12.1")
    (tmp_path / "lib64").symlink_to("lib")
    assert open_environment(tmp_path).platlib == tmp_path / "lib/python3.12/site-packages"

    (tmp_path / "lib64").unlink()
    (tmp_path / "lib64/python3.12/site-packages").mkdir(parents=True)
    assert open_environment(tmp_path).platlib == tmp_path / "lib64/python3.12/site-packages"


def test_where_pyvenv_cfg_says_too_little_the_interpreter_is_asked(made: Path) -> None:
    (made / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")

    env = open_environment(made)

    assert env.purelib == made / f"lib/python{MINOR}/site-packages"
    assert (env.has_pyvenv_cfg, env.python_version.startswith(MINOR)) == (True, True)


def test_an_environment_whose_libraries_were_removed_is_still_one_as_for_uv(made: Path) -> None:
    shutil.rmtree(made / "lib")

    assert open_environment(made).purelib == made / f"lib/python{MINOR}/site-packages"


def test_an_installation_without_pyvenv_cfg_is_asked() -> None:
    question = "import sysconfig; print(sysconfig.get_path('purelib'))"
    env = open_environment(Path(sys.base_prefix))

    answer = subprocess.run([env.python, "-c", question], check=True, capture_output=True, text=True)

    assert env.purelib == Path(answer.stdout.strip())
    assert env.has_pyvenv_cfg is False


def nothing(prefix: Path) -> None:
    assert not prefix.exists()


def an_empty_directory(prefix: Path) -> None:
    prefix.mkdir()


def a_file(prefix: Path) -> None:
    prefix.touch()


def stray_files(prefix: Path) -> None:
    (prefix / "lib").mkdir(parents=True)


def a_dangling_interpreter(prefix: Path) -> None:
    venv.create(prefix, symlinks=True)
    (prefix / "bin/python").unlink()
    (prefix / "bin/python").symlink_to("/gone/python")
    (prefix / "bin/python3").unlink()


def a_link_to_nothing(prefix: Path) -> None:
    prefix.symlink_to("/gone/env")


def a_mute_interpreter(prefix: Path) -> None:
    an_interpreter(prefix)


def a_lost_pyvenv_cfg(prefix: Path) -> None:
    venv.create(prefix, symlinks=True)
    (prefix / "pyvenv.cfg").unlink()


@pytest.mark.parametrize(
    ("make", "absence", "sentence"),
    [
        (nothing, Absence.MISSING, r"^no environment at .*env: run `uv sync`$"),
        (an_empty_directory, Absence.EMPTY, r"env is empty: run `uv sync`$"),
        (a_file, Absence.NOT_A_DIRECTORY, r"env is not a directory"),
        (
            a_link_to_nothing,
            Absence.NOT_A_DIRECTORY,
            r"env is a link to /gone/env, which is not there, so no environment$",
        ),
        (stray_files, Absence.STRAY, r"holds other files \(lib, \.\.\.\), .*: take another directory, or remove"),
        (
            a_dangling_interpreter,
            Absence.NO_INTERPRETER,
            r"lost its interpreter \(.*python is a link to /gone/python\)",
        ),
        (a_mute_interpreter, Absence.NO_INTERPRETER, r"does not say where its packages are"),
        (
            a_lost_pyvenv_cfg,
            Absence.STRAY,
            r"env is no environment, .* belongs to .*: take another directory, or remove",
        ),
    ],
)
def test_what_is_no_environment_is_said_in_one_sentence(
    tmp_path: Path, make: Callable[[Path], None], absence: Absence, sentence: str
) -> None:
    prefix = tmp_path / "env"
    make(prefix)

    with pytest.raises(NoEnvironment, match=sentence) as caught:
        open_environment(prefix)

    assert (caught.value.prefix, caught.value.absence, caught.value.exit_code) == (prefix, absence, 2)


@pytest.mark.parametrize("make", [nothing, an_empty_directory, a_dangling_interpreter, stray_files])
def test_uv_makes_an_environment_where_we_say_that_it_would(tmp_path: Path, make: Callable[[Path], None]) -> None:
    prefix = tmp_path / "env"
    make(prefix)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.9"\n')
    environ = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    environ |= {"UV_PROJECT_ENVIRONMENT": str(prefix), "UV_PYTHON": sys.executable}
    with pytest.raises(NoEnvironment) as caught:
        open_environment(prefix)

    done = subprocess.run(
        [find_uv_bin(), "sync", "--offline"], cwd=tmp_path, env=environ, capture_output=True, check=False
    )

    assert (done.returncode == 0) is caught.value.can_be_made
