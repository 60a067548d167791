"""Build backends from outside: a small round of ``scripts/torture backends``, and what only shapes a wheel."""

import json
from pathlib import Path
from typing import Any

from tests.e2e.conftest import TINY, Daemon, Make, Sampled
from tests.e2e.rounds import torture


def finished(daemon: Daemon) -> tuple[int, str, dict[str, Any]]:
    """The next cycle's end: its number, its outcome, and what it says of the only distribution."""
    *_, last = daemon.out.until(r'\{.*"event":"cycle.finished"')
    cycle = json.loads(last)
    (told,) = cycle["distributions"]
    return cycle["cycle"], cycle["outcome"], told


def test_after_each_edit_the_copies_of_the_fastest_backends_equal_what_uv_installs(
    tmp_path: Path, user: dict[str, str]
) -> None:
    lines = torture("backends", "uv-data", home=tmp_path, env=user)
    _head, _line, row, *_rest = lines
    cells = [cell.strip() for cell in row.split("|")]
    assert cells[3:9] == ["patch", "rebuild", "rebuild", "reinstall", "reinstall", "reinstall"]


def test_metadata_that_the_backend_reads_from_a_module_is_followed(sample: Sampled) -> None:
    project = sample("flit-dynamic")
    project.edit("flit_dynamic/__init__.py", "first", "second")

    done = project.uvwatch("sync", "--json")

    assert json.loads(done.stdout)["distributions"][0]["action"] == "reinstall"
    assert "Summary: second" in (project.installed("flit_dynamic-1.0.dist-info/METADATA") or "")

    assert project.uvwatch("sync", "--editable").returncode == 0
    project.edit("flit_dynamic/__init__.py", "second", "third")
    done = project.uvwatch("sync", "--json")

    assert json.loads(done.stdout)["distributions"][0]["action"] == "reinstall"
    assert "Summary: third" in (project.installed("flit_dynamic-1.0.dist-info/METADATA") or "")


def test_a_template_and_the_hook_that_renders_it_are_followed_though_no_wheel_carries_them(sample: Sampled) -> None:
    project = sample("hatch-hook")
    with project.watch("--json") as daemon:
        for number, (change, expected) in enumerate(
            [
                ({"templates/greeting.txt": "two"}, "GREETINGS = ['two']"),
                ({"templates/second.txt": "three"}, "GREETINGS = ['two', 'three']"),
                ({"hatch_build.py": project.read("hatch_build.py").replace('"one"', '"four"')}, "SUFFIX = 'four'"),
            ],
            2,
        ):
            project.write(change)
            cycle, outcome, told = finished(daemon)
            assert (cycle, outcome, told["action"]) == (number, "updated", "rebuild"), told
            assert told["changed"] == ["hatch_hook/rendered.py"]
            assert expected in (project.installed("hatch_hook/rendered.py") or "")


def test_a_build_directory_in_the_tree_begins_no_second_cycle(sample: Sampled) -> None:
    project = sample("scikit-cmake")
    with project.watch("--json") as daemon:
        project.edit("src/fast.h", "VALUE 1", "VALUE 2")
        cycle, outcome, told = finished(daemon)
        assert (cycle, outcome, told["action"]) == (2, "updated", "rebuild"), told
        assert project.python("from scikit_cmake import fast; print(fast.value())") == "2"

        project.edit("CMakeLists.txt", "VALUE one", "VALUE two")
        cycle, outcome, told = finished(daemon)
        assert (cycle, outcome, told["changed"]) == (3, "updated", ["scikit_cmake/config.py"]), told


def test_an_editable_install_is_made_anew_when_an_input_changes_that_lies_deep(make: Make) -> None:
    keys = '\n[tool.uv]\ncache-keys = [{ file = "native/*.tbl" }]\n'
    project = make({**TINY, "pyproject.toml": TINY["pyproject.toml"] + keys, "native/a.tbl": "one"})
    project.uv("sync")
    with project.watch("--json") as daemon:
        project.write({"src/tiny/__init__.py": 'VALUE = "two"\n', "native/a.tbl": "two"})
        cycle, _outcome, told = finished(daemon)
        assert (cycle, told["action"]) == (2, "reinstall"), told
        assert "native/a.tbl" in told["reason"]
