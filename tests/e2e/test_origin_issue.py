"""The story of the issue that began it all, command for command, with the installed copy compared byte for byte."""

import json

import pytest

from tests.e2e.conftest import Project

SYNC = ("sync", "--frozen", "--no-dev", "--no-cache", "--compile-bytecode", "--no-editable")


def others(project: Project) -> dict[str, bytes]:
    """RECORD of every installed distribution but the project's own."""
    return {path.parent.name: path.read_bytes() for path in project.site.glob("*.dist-info/RECORD")} | {
        path.parent.name: b"" for path in project.site.glob("myapp-*.dist-info/RECORD")
    }


@pytest.fixture
def collected(django: Project) -> Project:
    """The project after the commands of the issue: uv leaves the collected files out, without a word."""
    django.uv(*SYNC)
    manage = (django.prefix / "bin" / "python", "manage.py", "collectstatic", "--noinput")
    django.having(COLLECT_STATIC="True").run(*manage, check=True)
    again = django.uv(*SYNC)
    assert "myapp" not in again.stderr
    assert not (django.site / "myapp" / "staticfiles").exists()
    return django


def test_collected_files_are_found_missing_then_installed_and_nothing_else_changes(collected: Project) -> None:
    tree = collected.files()
    static = sorted(name for name in tree if name.startswith("myapp/staticfiles/"))
    status = collected.run("git", "status", "--short", "--ignored").stdout
    before = others(collected)
    assert len(static) > 250

    told = collected.uvwatch("check")
    assert (told.returncode, told.stderr) == (1, "")
    assert told.stdout.splitlines() == [
        f"myapp is stale: {len(static)} files",
        *(f"  missing  {name}" for name in static),
    ]
    checked = collected.uvwatch("check", "--json")
    assert checked.returncode == 1
    assert checked.stdout.count("\n") == 1
    assert json.loads(checked.stdout) == {
        "schema": 1,
        "fresh": False,
        "environment": str(collected.prefix),
        "error": None,
        "distributions": [
            {
                "name": "myapp",
                "root": str(collected.root),
                "editable": False,
                "fresh": False,
                "stale": [{"path": name, "source": name, "why": "missing"} for name in static],
            }
        ],
    }
    assert collected.files() == tree
    assert not (collected.site / "myapp" / "staticfiles").exists()

    synced = collected.uvwatch("sync")
    assert (synced.returncode, synced.stderr) == (0, "")
    begin, end = synced.stdout.splitlines()
    assert begin.startswith("uvwatch: updating")
    assert end.startswith("uvwatch: updated myapp in ")
    assert f"{len(static)} added)" in end
    installed = {name: (collected.site / name).read_bytes() for name in tree if name.startswith("myapp/")}
    assert installed == {name: held for name, held in tree.items() if name.startswith("myapp/")}

    fresh = collected.uvwatch("check")
    assert (fresh.returncode, fresh.stdout) == (0, "myapp is fresh\n")
    assert "Would make no changes" in collected.uv("sync", "--frozen", "--no-dev", "--no-editable", "--check").stderr
    assert others(collected) == before
    assert not list(collected.site.glob("iniconfig*"))

    second = collected.uvwatch("sync")
    assert second.returncode == 0
    assert [line.split(" in ")[0] for line in second.stdout.splitlines()] == [
        "uvwatch: updating: asked by sync",
        "uvwatch: unchanged",
    ]
    once = collected.uvwatch("sync", "--json")
    assert once.stdout.count("\n") == 1
    told_once = json.loads(once.stdout)
    assert told_once["event"] == "cycle.finished"
    assert [(each["name"], each["action"]) for each in told_once["distributions"]] == [("myapp", "none")]

    assert collected.files() == tree
    assert collected.run("git", "status", "--short", "--ignored").stdout == status
