"""What the user did wrong is said in one sentence on stderr, with the exit status of CONTRACT and no traceback."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import COMMAND, TINY, Make, Project


def sentence(project: Project, *arguments: str, status: int = 2) -> str:
    """The one line on stderr of a command that fails with this exit status and says nothing on stdout."""
    done = project.uvwatch(*arguments)
    assert (done.returncode, done.stdout) == (status, ""), done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture
def bare(tmp_path: Path, user: dict[str, str]) -> Project:
    """A directory without anything."""
    root = tmp_path / "bare"
    root.mkdir()
    return Project(root=root, env=user, prefix=root / ".venv")


def configured(line: str) -> dict[str, str]:
    """The smallest project with one line of configuration."""
    return {**TINY, "pyproject.toml": f"{TINY['pyproject.toml']}\n[tool.uvwatch]\n{line}\n"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("settel = 1", ["tool.uvwatch.settel", "did you mean tool.uvwatch.settle?"]),
        ('settle = "soon"', ["tool.uvwatch.settle", "must be a number of seconds", '"soon"']),
        ("artifacts = 3", ["tool.uvwatch.artifacts", "must be a list of strings", "not 3"]),
        ('installer = "pip"', ["tool.uvwatch.installer", '"auto" or "uv"', '"pip"']),
        ("settle = 11", ["settle (11 s) must not be above settle-max (10 s)"]),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected(bare: Project, line: str, said: list[str]) -> None:
    bare.write(configured(line))
    told = sentence(bare, "sync")
    assert told.startswith(f"uvwatch: error: {bare.root / 'pyproject.toml'}")
    assert all(each in told for each in said)


def test_wrong_variables_and_options_are_named_as_they_were_given(bare: Project) -> None:
    bare.write(TINY)
    assert sentence(bare.having(UVWATCH_SETTLE="abc"), "sync") == (
        'uvwatch: error: UVWATCH_SETTLE must be a number of seconds, 0 or more, not "abc"'
    )
    assert sentence(bare, "sync", "--build-timeout", "0").startswith("uvwatch: error: --build-timeout must be ")
    assert "--active needs an active environment" in sentence(bare, "sync", "--active")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, ["no pyproject.toml in ", "or above it"]),
        ({"pyproject.toml": "[project\nname = 1\n"}, ["pyproject.toml:1:9: "]),
        ({"pyproject.toml": '[project]\nname = "x"\nversion = "1"\n'}, ["has no [build-system]", "uv init --package"]),
        (TINY, ["no uv.lock in ", "run `uv lock` first"]),
        (
            {**TINY, "pyproject.toml": TINY["pyproject.toml"] + "[tool.uv]\nmanaged = false\n"},
            ["tool.uv.managed is false"],
        ),
    ],
    ids=["nothing", "bad TOML", "no build system", "no lock", "not managed"],
)
def test_what_is_no_project_for_uv_is_said(bare: Project, files: dict[str, str], said: list[str]) -> None:
    bare.write(files)
    told = sentence(bare, "watch")
    assert told.startswith("uvwatch: error: ")
    assert all(each in told for each in said)
    assert sentence(bare, "sync") == told
    checked = bare.uvwatch("check")
    assert checked.returncode == 2
    assert "Traceback" not in checked.stderr


def test_an_unknown_package_option_or_command_is_refused(tiny: Project) -> None:
    assert sentence(tiny, "sync", "--package", "other") == (
        "uvwatch: error: no local distribution other is installed: there are tiny"
    )
    for arguments in (["frobnicate"], ["--frobnicate"], ["sync", "--frobnicate"], ["watch", "frobnicate"]):
        done = tiny.uvwatch(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "frobnicate" in done.stderr
        assert "Traceback" not in done.stderr


def test_what_was_typed_is_told_in_printable_characters(bare: Project) -> None:
    odd = bare.at(bare.root / os.fsdecode(b"o\x1bd\xff"))
    odd.root.mkdir()
    odd.write({"pyproject.toml": TINY["pyproject.toml"]})
    assert odd.uvwatch("status").stdout == f"no uvwatch runs for {bare.root}/o\\x1bd\\xff/.venv\n"
    for arguments in ([os.fsdecode(b"x\x1b\xff")], [os.fsdecode(b"--x\x1b\xff")], ["init", os.fsdecode(b"x\x1b\xff")]):
        told = bare.uvwatch(*arguments)
        assert told.returncode == 2
        assert "x\\x1b\\xff" in told.stderr
        assert "\x1b" not in told.stderr
    assert bare.uvwatch("init").stderr.endswith("Choose from:\n\tprocfile,\n\tvscode,\n\tzed,\n\tcache-keys\n")


def test_version_and_help_need_no_project(bare: Project) -> None:
    version = bare.uvwatch("--version")
    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout.startswith("uvwatch ")
    for arguments in (["--help"], ["-h"], ["watch", "--help"], ["sync", "--help"], ["check", "--help"]):
        told = bare.uvwatch(*arguments)
        assert (told.returncode, told.stderr) == (0, "")
        assert told.stdout.startswith("Usage: uvwatch")
        assert "\\b" not in told.stdout


def only_stray_files(prefix: Path) -> None:
    prefix.mkdir()
    (prefix / "notes.txt").write_text("mine\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (only_stray_files, "holds other files (notes.txt, ...)"),
        (lambda prefix: prefix.write_text("", encoding="utf-8"), "is an empty file where an environment"),
    ],
    ids=["stray files", "an empty file"],
)
def test_what_stands_in_the_place_of_an_environment_is_named_and_left_alone(
    make: Make, spoil: Callable[[Path], object], said: str
) -> None:
    project = make(TINY)
    spoil(project.prefix)
    before = sorted(map(str, project.root.rglob("*")))
    assert said in sentence(project, "sync")
    assert project.uvwatch("check").returncode == 2
    assert sorted(map(str, project.root.rglob("*"))) == before


def test_nobody_is_told_to_remove_a_directory_that_was_named_by_mistake(bare: Project) -> None:
    bare.write(TINY)
    for command in ("sync", "check", "doctor"):
        told = bare.uvwatch(command, "--environment", "src")
        said = told.stdout + told.stderr
        assert f"{bare.root / 'src'} is no environment, and holds other files (tiny, ...)" in said
        assert "take another directory, or remove" in said
        assert "if nothing in it is a loss" in said


def test_an_environment_that_lost_its_interpreter_is_said_by_check_and_made_again_by_sync(tiny: Project) -> None:
    for name in ("python", "python3", f"python3.{sys.version_info.minor}"):
        link = tiny.prefix / "bin" / name
        if link.is_symlink():
            link.unlink()
            link.symlink_to("/nonexistent/python")
    told = tiny.uvwatch("check")
    assert told.returncode == 2
    assert "has lost its interpreter" in told.stdout
    done = tiny.uvwatch("sync")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tiny.uvwatch("check").returncode == 0


def test_a_uv_that_is_not_there_or_too_old_is_passed_over_and_named_once(tiny: Project) -> None:
    done = tiny.having(UV="/nonexistent/uv").uvwatch("sync")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert "/nonexistent/uv is no uv that runs (No such file or directory)" in line
    old = tiny.root.parent / "old" / "uv"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho uv 0.8.0\n", encoding="utf-8")
    old.chmod(0o755)
    behind = tiny.having(PATH=f"{old.parent}:{tiny.env['PATH']}")
    behind.edit("src/tiny/__init__.py", "one", "two")
    done = behind.uvwatch("sync")
    assert done.returncode == 0, done.stdout + done.stderr
    assert behind.installed("tiny/__init__.py") == 'VALUE = "two"\n'
    (line,) = done.stderr.splitlines()
    assert f"uv 0.8.0 at {old} is older than 0.9.9" in line


def test_uv_that_came_with_uvwatch_is_enough(tiny: Project) -> None:
    directories = tiny.env["PATH"].split(":")
    without = ":".join(each for each in directories if not (Path(each) / "uv").exists())
    tiny.edit("src/tiny/__init__.py", "one", "two")
    done = tiny.having(PATH=without).uvwatch("sync")
    assert (done.returncode, done.stderr) == (0, "")
    assert tiny.installed("tiny/__init__.py") == 'VALUE = "two"\n'


def test_the_project_is_found_from_a_directory_below_and_by_option(tiny: Project) -> None:
    below = tiny.at(tiny.root / "src" / "tiny")
    assert below.uvwatch("check").stdout == "tiny is fresh\n"
    away = tiny.at(Path(tiny.env["HOME"]))
    assert away.uvwatch("check", "--project", str(tiny.root)).stdout == "tiny is fresh\n"
    assert away.uvwatch("--project", str(tiny.root), "check").stdout == "tiny is fresh\n"
    assert "no such directory" in sentence(away, "sync", "--project", "nowhere")
    (away.root / "sync").mkdir()  # called as a command is
    assert "no pyproject.toml in" in sentence(away, "--project", "sync", "--settle", "0.2")
    assert "cannot be looked at (File name too long)" in sentence(away, "sync", "--project", "x" * 300)
    assert "is a file of several lines" in sentence(tiny, "sync", "--environment", "pyproject.toml")


def test_a_workspace_is_kept_as_a_whole_from_each_of_its_members(make: Make) -> None:
    root = (
        '[project]\nname = "root"\nversion = "1"\nrequires-python = ">=3.10"\n'
        '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
    )
    members = {
        f"libs/{name}/{path.replace('tiny', name)}": text.replace("tiny", name)
        for name in ("a", "b")
        for path, text in TINY.items()
    }
    project = make({"pyproject.toml": root, **members})
    project.uv("sync", "--all-packages", "--no-editable")
    member = project.at(project.root / "libs" / "a")
    assert member.uvwatch("check").stdout == "a is fresh\nb is fresh\n"
    project.edit("libs/a/src/a/__init__.py", "one", "two")
    project.edit("libs/b/src/b/__init__.py", "one", "three")
    assert member.uvwatch("check").stdout == (
        "a is stale: 1 file\n  differs  a/__init__.py (from src/a/__init__.py)\n"
        "b is stale: 1 file\n  differs  b/__init__.py (from src/b/__init__.py)\n"
    )
    done = member.uvwatch("sync")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "uvwatch: updated 2 distributions (a, b) in " in done.stdout
    assert (project.installed("a/__init__.py"), project.installed("b/__init__.py")) == (
        'VALUE = "two"\n',
        'VALUE = "three"\n',
    )
    assert project.uvwatch("check", "--package", "b").stdout == "b is fresh\n"


def test_in_the_c_locale_lines_are_utf_8_and_control_characters_are_escaped(make: Make, tmp_path: Path) -> None:
    project = make({**TINY, "src/tiny/größe.txt": "1\n"}).having(LC_ALL="C", LANG="C")
    moved = tmp_path / "prüfung ✓"
    project.root.rename(moved)
    project = Project(root=moved, env=project.env, prefix=moved / ".venv")
    project.uv("sync", "--no-editable")
    project.write({"src/tiny/größe.txt": "2\n", "src/tiny/a\x1b[31mb.txt": "3\n"})
    told = project.uvwatch("check")
    assert (told.returncode, told.stderr) == (1, "")
    assert "  differs  tiny/größe.txt (from src/tiny/größe.txt)\n" in told.stdout
    assert "  missing  tiny/a\\x1b[31mb.txt (from src/tiny/a\\x1b[31mb.txt)\n" in told.stdout
    (project.root / "src/tiny/a\x1b[31mb.txt").unlink()  # uv refuses a wheel with such a name
    assert project.uvwatch("sync").returncode == 0
    assert project.installed("tiny/größe.txt") == "2\n"
    assert project.uvwatch("check").stdout == "tiny is fresh\n"
    # A locale of another encoding, in the way that is there on every machine.
    project.write({"src/tiny/größe.txt": "4\n"})
    foreign = project.having(PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    done = foreign.uvwatch("sync")
    assert (done.returncode, done.stderr) == (0, "")
    assert project.installed("tiny/größe.txt") == "4\n"
    assert foreign.uvwatch("hold", "--", "printenv", "PYTHONUTF8").stdout == "0\n"


@pytest.mark.parametrize("command", ["sync", "check"])
def test_when_nobody_reads_stdout_the_work_is_done_all_the_same(tiny: Project, command: str) -> None:
    tiny.edit("src/tiny/__init__.py", "one", "two")
    done = tiny.run("bash", "-c", f'"{COMMAND}" {command} | head -n 0; exit "${{PIPESTATUS[0]}}"')
    assert (done.returncode, done.stderr) == (0 if command == "sync" else 1, "")
    assert tiny.installed("tiny/__init__.py") == f'VALUE = "{"two" if command == "sync" else "one"}"\n'
    closed = tiny.run("bash", "-c", f'"{COMMAND}" {command} >&-')
    assert (closed.returncode, closed.stderr) == (0 if command == "sync" else 1, "")


def test_what_a_full_disk_keeps_from_stdout_is_said_and_counts_as_an_error(tiny: Project) -> None:
    tiny.edit("src/tiny/__init__.py", "one", "two")
    for command in ("--version", "--help", "sync", "check --json", "init procfile", "doctor"):
        told = tiny.run("bash", "-c", f'"{COMMAND}" {command} > /dev/full')
        assert (command, told.returncode) == (command, 2)
        assert told.stderr == "uvwatch: error: stdout cannot be written (No space left on device)\n"
    assert tiny.installed("tiny/__init__.py") == 'VALUE = "two"\n'
    assert tiny.run("bash", "-c", f'"{COMMAND}" frobnicate 2> /dev/full').returncode == 2
    assert tiny.run("bash", "-c", f'"{COMMAND}" --help | true; exit "${{PIPESTATUS[0]}}"').returncode in (0, 1)
