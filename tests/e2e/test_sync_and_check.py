"""``sync`` and ``check`` on small projects: what is stale and why, what is installed, and what they leave behind."""

import json
import shutil
from collections.abc import Callable
from typing import Any

from tests.e2e.conftest import TINY, Gate, Make, Project

SETUPTOOLS = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools>=70"]
build-backend = "setuptools.build_meta"

[project]
name = "old"
version = "1.0"
requires-python = ">=3.10"
""",
    "src/old/__init__.py": 'VALUE = "one"\n',
}
DEPENDENCY = {name.replace("tiny", "dep"): text.replace("tiny", "dep") for name, text in TINY.items()}


def checked(project: Project, *arguments: str) -> Any:
    """The object that ``check --json`` prints, with the exit status that goes with it."""
    done = project.uvwatch("check", "--json", *arguments)
    assert done.stdout.count("\n") == 1
    report = json.loads(done.stdout)
    assert done.returncode == {True: 0, False: 1, None: 2}[report["fresh"]], done.stderr
    return report


def stale(project: Project) -> set[tuple[str, str | None, str]]:
    """What ``check --json`` names: path, source and why."""
    return {
        (each["path"], each["source"], each["why"])
        for one in checked(project)["distributions"]
        for each in one["stale"]
    }


def synced(project: Project, *arguments: str) -> Any:
    """The object that ``sync --json`` prints."""
    done = project.uvwatch("sync", "--json", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def test_changed_added_and_removed_files_are_named_then_installed(tiny: Project) -> None:
    assert checked(tiny)["fresh"] is True
    tiny.edit("src/tiny/__init__.py", "one", "two")
    tiny.write({"src/tiny/templates/new.html": "<p>\n"})
    (tiny.root / "src/tiny/a.css").unlink()
    assert stale(tiny) == {
        ("tiny/__init__.py", "src/tiny/__init__.py", "differs"),
        ("tiny/templates/new.html", "src/tiny/templates/new.html", "missing"),
        ("tiny/a.css", None, "extra"),
    }

    finished = synced(tiny)

    assert finished.keys() == {"schema", "event", "time", "cycle", "outcome", "duration_ms", "distributions"}
    assert (finished["schema"], finished["event"], finished["cycle"], finished["outcome"]) == (
        1,
        "cycle.finished",
        1,
        "updated",
    )
    (one,) = finished["distributions"]
    assert one.keys() == {"name", "action", "reason", "added", "changed", "removed", "error"}
    assert one["reason"]
    assert (one["name"], one["added"], one["changed"], one["removed"], one["error"]) == (
        "tiny",
        ["tiny/templates/new.html"],
        ["tiny/__init__.py"],
        ["tiny/a.css"],
        None,
    )
    assert tiny.installed("tiny/templates/new.html") == "<p>\n"
    assert tiny.installed("tiny/a.css") is None
    assert tiny.python("import tiny; print(tiny.VALUE, tiny.__file__)") == f"two {tiny.site}/tiny/__init__.py"
    assert checked(tiny)["fresh"] is True


def test_a_new_version_is_metadata_and_a_new_lock_is_dependencies(tiny: Project) -> None:
    dependency = tiny.root.parent / "dep"
    tiny.at(dependency).write(DEPENDENCY)
    synced(tiny)
    tiny.edit("pyproject.toml", 'version = "1.0"', 'version = "1.1"')
    why = stale(tiny)
    assert ("tiny-1.1.dist-info/METADATA", None, "metadata") in why
    assert {each[2] for each in why} == {"metadata"}

    tiny.edit("pyproject.toml", 'python = ">=3.10"', 'python = ">=3.10"\ndependencies = ["dep"]')
    tiny.edit("pyproject.toml", "[project]", '[tool.uv.sources]\ndep = { path = "../dep" }\n\n[project]')
    tiny.uv("lock")
    assert ("uv.lock", "uv.lock", "dependencies") in stale(tiny)

    synced(tiny)

    assert tiny.python("import dep, importlib.metadata as m; print(dep.VALUE, m.version('tiny'))") == "one 1.1"
    assert [(one["name"], one["root"]) for one in checked(tiny)["distributions"]] == [
        ("dep", str(dependency)),
        ("tiny", str(tiny.root)),
    ]
    tiny.at(dependency).edit("src/dep/__init__.py", "one", "two")
    assert stale(tiny) == {("dep/__init__.py", "src/dep/__init__.py", "differs")}
    assert [one["name"] for one in synced(tiny, "--package", "dep")["distributions"]] == ["dep"]
    assert tiny.python("import dep; print(dep.VALUE)") == "two"


def test_dependencies_that_are_not_locked_are_warned_of_and_the_project_is_made_fresh_all_the_same(
    tiny: Project,
) -> None:
    tiny.edit("pyproject.toml", 'python = ">=3.10"', 'python = ">=3.10"\ndependencies = ["iniconfig>=2"]')
    tiny.edit("src/tiny/__init__.py", "one", "two")
    done = tiny.uvwatch("sync")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tiny.installed("tiny/__init__.py") == 'VALUE = "two"\n'
    (warning,) = done.stderr.splitlines()
    assert "lock-outdated" in warning
    assert "run `uv lock`" in warning
    assert not list(tiny.site.glob("iniconfig*"))


def test_a_changed_lock_that_does_not_fit_any_more_holds_until_it_is_locked_again(tiny: Project) -> None:
    tiny.at(tiny.root.parent / "dep").write(DEPENDENCY)
    synced(tiny)
    tiny.edit("pyproject.toml", 'python = ">=3.10"', 'python = ">=3.10"\ndependencies = ["dep"]')
    tiny.edit("pyproject.toml", "[project]", '[tool.uv.sources]\ndep = { path = "../dep" }\n\n[project]')
    tiny.uv("lock")
    tiny.edit("pyproject.toml", 'version = "1.0"', 'version = "1.1"')
    lock = (tiny.root / "uv.lock").read_bytes()

    done = tiny.uvwatch("sync")

    assert done.returncode == 0, done.stdout + done.stderr
    (warning,) = done.stderr.splitlines()
    assert "lock-outdated" in warning
    assert tiny.python("import dep, importlib.metadata as m; print(dep.VALUE, m.version('tiny'))") == "one 1.1"
    assert (tiny.root / "uv.lock").read_bytes() == lock
    assert checked(tiny)["fresh"] is True


def test_scripts_that_uv_made_of_entry_points_are_no_reason_to_build(tiny: Project) -> None:
    tiny.edit("pyproject.toml", "[project]", '[project.scripts]\ntiny-cli = "tiny:main"\n\n[project]')
    tiny.uv("lock")
    assert [one["action"] for one in synced(tiny, "--reinstall")["distributions"]] == ["reinstall"]
    assert (tiny.prefix / "bin" / "tiny-cli").exists()
    tiny.edit("src/tiny/__init__.py", "one", "two")
    assert [one["action"] for one in synced(tiny)["distributions"]] == ["patch"]
    assert tiny.installed("tiny/__init__.py") == 'VALUE = "two"\n'


def test_without_an_environment_sync_makes_it_and_check_cannot_find_out(make: Make) -> None:
    project = make(TINY)
    unknown = project.uvwatch("check")
    assert unknown.returncode == 2
    assert unknown.stdout == f"could not find out: no environment at {project.prefix}: run `uvwatch sync`\n"
    report = checked(project)
    assert (report["fresh"], report["error"]["kind"], report["distributions"]) == (None, "environment", [])
    assert report["error"].keys() == {"kind", "message", "path", "line", "column", "output"}
    assert not project.prefix.exists()

    project.write({"pyproject.toml": TINY["pyproject.toml"] + "[tool\n", "src/tiny/deep/a.css": ""})
    error = checked(project.at(project.root / "src" / "tiny"))["error"]
    assert (error["path"], error["line"], error["column"]) == ("pyproject.toml", 9, 6)
    broken = project.uvwatch("check")
    assert broken.stdout.splitlines()[0].startswith("pyproject.toml:9:6: error: ")
    project.write({"pyproject.toml": TINY["pyproject.toml"]})

    done = project.uvwatch("sync", "--no-editable")

    assert done.returncode == 0, done.stdout + done.stderr
    assert project.installed("tiny/__init__.py") == 'VALUE = "one"\n'
    assert checked(project)["fresh"] is True


def test_without_an_environment_an_outdated_lock_is_a_failure_that_names_uv_lock(make: Make) -> None:
    project = make(TINY)
    project.edit("pyproject.toml", 'python = ">=3.10"', 'python = ">=3.10"\ndependencies = ["iniconfig>=2"]')
    done = project.uvwatch("sync")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("uvwatch: failed tiny after ")
    assert "uv lock" in done.stdout.splitlines()[-1]


def test_the_old_copy_that_uv_brings_back_from_its_cache_is_found_and_mended(tiny: Project) -> None:
    synced(tiny)
    tiny.edit("src/tiny/__init__.py", "one", "two")
    synced(tiny)
    tiny.uv("venv", "--clear", "--quiet")
    tiny.edit("src/tiny/__init__.py", "two", "three")
    tiny.uv("sync", "--no-editable")
    assert tiny.installed("tiny/__init__.py") != 'VALUE = "three"\n'
    assert stale(tiny) == {("tiny/__init__.py", "src/tiny/__init__.py", "differs")}
    synced(tiny)
    assert tiny.installed("tiny/__init__.py") == 'VALUE = "three"\n'


def test_a_second_check_builds_nothing(tiny: Project) -> None:
    assert "build.started" in tiny.uvwatch("check", "-v").stderr
    assert "build.started" not in tiny.uvwatch("check", "-v").stderr
    tiny.edit("src/tiny/__init__.py", "one", "two")
    again = tiny.uvwatch("check", "-v")
    assert "build.started" in again.stderr or again.stdout.splitlines()[1:] == [
        "  differs  tiny/__init__.py (from src/tiny/__init__.py)"
    ]


def test_a_check_leaves_the_tree_of_a_setuptools_project_as_it_was(make: Make) -> None:
    project = make(SETUPTOOLS)
    project.write({".gitignore": ".venv/\n__pycache__/\nbuild/\n*.egg-info/\n"})
    project.run("git", "init", "--quiet", check=True)
    project.uv("sync", "--no-editable")
    shutil.rmtree(project.root / "build")
    shutil.rmtree(project.root / "src" / "old.egg-info")
    before, status = project.files(), project.run("git", "status", "--short", "--ignored").stdout
    assert "build" not in status
    project.edit("src/old/__init__.py", "one", "two")
    assert stale(project) == {("old/__init__.py", "src/old/__init__.py", "differs")}
    project.edit("src/old/__init__.py", "two", "one")
    assert checked(project)["fresh"] is True
    assert project.files() == before
    assert project.run("git", "status", "--short", "--ignored").stdout == status


def test_a_foreign_file_is_no_reason_to_be_stale_and_survives(tiny: Project) -> None:
    foreign = tiny.site / "tiny" / "uploaded.txt"
    foreign.write_text("mine\n", encoding="utf-8")
    assert checked(tiny)["fresh"] is True
    tiny.edit("src/tiny/__init__.py", "one", "two")
    synced(tiny)
    assert foreign.read_text(encoding="utf-8") == "mine\n"
    assert checked(tiny)["fresh"] is True


def test_what_another_program_did_to_the_installed_copy_is_found_and_mended(tiny: Project) -> None:
    synced(tiny)
    replaced = tiny.site / "tiny" / "a.css"
    replaced.unlink()
    assert stale(tiny) == {("tiny/a.css", "src/tiny/a.css", "missing")}
    replaced.write_text("a { color: blue }\n", encoding="utf-8")
    assert stale(tiny) == {("tiny/a.css", "src/tiny/a.css", "differs")}
    synced(tiny)
    assert tiny.installed("tiny/a.css") == "a { color: red }\n"
    (tiny.site / "tiny-1.0.dist-info" / "RECORD").unlink()
    assert stale(tiny) == {("tiny-1.0.dist-info/RECORD", None, "metadata")}
    synced(tiny)
    assert checked(tiny)["fresh"] is True


def test_an_editable_project_stays_so_unless_another_mode_is_asked_for(make: Make) -> None:
    project = make(TINY)
    project.uv("sync")
    done = project.uvwatch("sync")
    assert done.returncode == 0
    (warning,) = done.stderr.splitlines()
    assert "editable-install" in warning
    assert "`uvwatch sync --no-editable` makes a real copy" in warning
    assert project.python("import tiny; print(tiny.__file__)") == f"{project.root}/src/tiny/__init__.py"
    project.edit("src/tiny/__init__.py", "one", "two")
    assert checked(project)["fresh"] is True

    project.edit("pyproject.toml", 'version = "1.0"', 'version = "1.1"')
    (report,) = checked(project)["distributions"]
    assert (report["editable"], report["fresh"]) == (True, False)
    synced(project)
    version = "import importlib.metadata as m; print(m.version('tiny'))"
    assert project.python(version) == "1.1"
    assert checked(project)["distributions"][0]["editable"] is True

    synced(project, "--no-editable")
    assert project.installed("tiny/__init__.py") == 'VALUE = "two"\n'
    synced(project)
    assert checked(project)["distributions"][0]["editable"] is False
    synced(project, "--editable")
    assert checked(project)["distributions"][0]["editable"] is True


def test_reinstall_goes_through_uv_even_when_all_is_fresh(tiny: Project) -> None:
    assert synced(tiny)["distributions"][0]["action"] == "none"
    assert synced(tiny, "--reinstall")["distributions"][0]["action"] == "reinstall"
    assert synced(tiny)["distributions"][0]["action"] == "none"


def test_a_one_shot_command_without_cache_leaves_nothing_but_the_fresh_environment(tiny: Project) -> None:
    before = {path.name for path in tiny.prefix.iterdir()}
    home = sorted(map(str, (tiny.root.parent / "home").rglob("*")))
    tiny.edit("src/tiny/__init__.py", "one", "two")
    assert [each["why"] for each in checked(tiny, "--no-cache")["distributions"][0]["stale"]] == ["differs"]
    synced(tiny, "--no-cache")
    assert tiny.installed("tiny/__init__.py") == 'VALUE = "two"\n'
    tiny.edit("src/tiny/__init__.py", "two", "three")
    synced(tiny.having(UV_NO_CACHE="1"))
    assert tiny.installed("tiny/__init__.py") == 'VALUE = "three"\n'
    assert {path.name for path in tiny.prefix.iterdir()} == before
    assert sorted(map(str, (tiny.root.parent / "home").rglob("*"))) == home


def test_the_environment_is_the_one_that_uv_would_take(make: Make) -> None:
    project = make(TINY).having(UV_PROJECT_ENVIRONMENT="elsewhere")
    project.uv("sync", "--no-editable")
    assert checked(project)["environment"] == str(project.root / "elsewhere")
    assert synced(project)["distributions"][0]["action"] == "none"
    assert not project.prefix.exists()


def test_what_takes_too_long_is_a_timeout_of_the_seconds_that_were_asked_for(
    web: Project, close_gate: Callable[[], Gate]
) -> None:
    close_gate()
    done = web.uvwatch("sync", "--timeout", "2.5", "--json")

    assert done.returncode == 1
    (result,) = json.loads(done.stdout)["distributions"]
    assert (result["error"]["kind"], result["error"]["message"]) == ("timeout", "not fresh within 2.5 s")
    assert "not fresh within 2.5 s; see --timeout" in done.stderr
