"""``uvwatch watch`` while it runs: its frozen lines, what wakes it, what does not, and what it does about failures."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.conftest import TINY, Gate, Make, Project

GENERATOR = """
import pathlib, sys, time
directory, count, pause, text = pathlib.Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
for number in range(count):
    path = directory / f"part{number % 7}" / f"{number}.css"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"/* {number} */ {text}")
    if number % 10 == 9:
        time.sleep(pause)
"""
"""A program that writes files as collectstatic does, with a pause after every tenth."""


def generate(project: Project, count: int, *, pause: float = 0.0, text: str = "") -> None:
    """Run the generator to its end."""
    command = (sys.executable, "-c", GENERATOR, project.root / "web" / "static", str(count), str(pause), text)
    project.run(*command, check=True)


def without_times(lines: list[str]) -> list[str]:
    """The lines with every duration written as ``N``."""
    return [re.sub(r"\b\d+ ms|\b\d+\.\d s", "N", line) for line in lines]


def outcomes(lines: list[str]) -> list[str]:
    """The end lines' words, in order."""
    return [found[1] for line in lines if (found := re.match("uvwatch: (updated|unchanged|failed)", line))]


def test_a_whole_life_is_told_in_the_frozen_lines(tiny: Project) -> None:
    tiny.edit("src/tiny/__init__.py", "one", "two")
    with tiny.watch() as daemon:
        begin, end, ready = without_times(daemon.out.seen)
        assert begin == "uvwatch: updating: checking at start"
        assert re.fullmatch(r"uvwatch: updated tiny in N \((patch|rebuild|reinstall): 1 changed\)", end)
        assert re.fullmatch(r"uvwatch: ready, watching 1 distribution \(tiny\) in \d+ director(y|ies)", ready)
        assert tiny.installed("tiny/__init__.py") == 'VALUE = "two"\n'

        tiny.edit("src/tiny/a.css", "red", "blue")
        begin, end = without_times(daemon.cycle())
        assert begin == "uvwatch: updating tiny: 1 file changed (src/tiny/a.css)"
        assert re.fullmatch(r"uvwatch: updated tiny in N \((patch|rebuild|reinstall): 1 changed\)", end)
        assert tiny.installed("tiny/a.css") == "a { color: blue }\n"

        # An update ends with a look at the tree: what is the same then was never another, and nobody is told.
        while not daemon.out.come(1.0):
            tiny.write({"src/tiny/a.css": "a { color: blue }\n"})
        assert without_times(daemon.cycle()) == [
            "uvwatch: updating tiny: 1 file changed (src/tiny/a.css)",
            "uvwatch: unchanged in N (same bytes)",
        ]

        whole = tiny.read("pyproject.toml")
        tiny.write({"pyproject.toml": whole + "[broken\n"})
        begin, problem, end = without_times(daemon.cycle())
        assert re.fullmatch(r"uvwatch: updating( tiny)?: 1 file changed \(pyproject\.toml\)", begin)
        line = whole.count("\n") + 1
        found = re.fullmatch(rf"pyproject\.toml:{line}:\d+: error: (.+)", problem)
        assert found
        assert end == f"uvwatch: failed tiny after N: {found[1]}"

        tiny.edit("src/tiny/__init__.py", "two", "three")
        assert outcomes(daemon.cycle()) == ["failed"]
        assert tiny.installed("tiny/__init__.py") == 'VALUE = "two"\n'
        tiny.write({"pyproject.toml": whole})
        assert outcomes(daemon.cycle()) == ["updated"]
        assert tiny.installed("tiny/__init__.py") == 'VALUE = "three"\n'

        assert daemon.stop() == ["uvwatch: stopped"]
        assert daemon.ended() == 0


def test_json_events_are_one_object_a_line_with_the_shape_of_the_contract(tiny: Project) -> None:
    with tiny.watch("--json") as daemon:

        def events(lines: list[str]) -> list[dict[str, Any]]:
            found = [json.loads(line) for line in lines]
            assert all(event.pop("schema") == 1 for event in found)
            assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", event.pop("time")) for event in found)
            return found

        started, finished, ready = events(daemon.out.seen)
        assert started == {
            "event": "cycle.started",
            "cycle": 1,
            "trigger": "start",
            "changes": {"count": 0, "paths": []},
        }
        assert (finished["event"], finished["cycle"], finished["outcome"]) == ("cycle.finished", 1, "unchanged")
        assert ready.pop("version")
        assert ready["watching"].keys() == {"directories", "backend"}
        assert ready.pop("watching")["directories"] >= 2
        assert ready == {
            "event": "ready",
            "project": str(tiny.root),
            "environment": str(tiny.prefix),
            "pid": daemon.process.pid,
            "distributions": [{"name": "tiny", "root": str(tiny.root), "editable": False}],
        }

        tiny.write({"src/tiny/new.txt": "new\n", "src/tiny/a.css": "a {}\n"})
        started, finished = events(daemon.out.until(r'\{.*"event":"cycle\.finished"'))
        assert (started["trigger"], started["changes"]) == (
            "change",
            {"count": 2, "paths": ["src/tiny/a.css", "src/tiny/new.txt"]},
        )
        assert finished.pop("duration_ms") > 0
        (one,) = finished.pop("distributions")
        assert finished == {"event": "cycle.finished", "cycle": 2, "outcome": "updated"}
        assert one.pop("action") in {"patch", "rebuild", "reinstall"}
        assert one.pop("reason")
        assert one == {
            "name": "tiny",
            "added": ["tiny/new.txt"],
            "changed": ["tiny/a.css"],
            "removed": [],
            "error": None,
        }
        assert events(daemon.stop()) == [{"event": "stopped"}]


def test_a_burst_of_generated_files_is_one_update_and_writing_them_again_is_none(web: Project) -> None:
    # The machine may be busy: a window longer than the default lets no pause of the generator pass for its end.
    with web.watch("--settle", "0.4") as daemon:
        generate(web, 240, pause=0.06)
        begin, end = daemon.cycle()
        assert begin == "uvwatch: updating web: 240 files changed (web/static/part0/0.css, ...)"
        assert end.endswith(": 240 added)")
        assert web.installed("web/static/part3/10.css") == "/* 10 */ "

        generate(web, 240)
        for path in (web.root / "web" / "static").rglob("*.css"):
            path.touch()
        web.edit("web/__init__.py", "one", "two")
        lines = daemon.cycle()
        while outcomes(lines) == ["unchanged"]:
            lines = daemon.cycle()
        assert lines[-1].endswith(": 1 changed)")

        shutil.rmtree(web.root / "web" / "static")
        generate(web, 230, text="again")
        assert daemon.cycle()[-1].endswith(": 230 changed, 10 removed)")
        web.edit("web/__init__.py", "two", "three")
        assert daemon.cycle()[0] == "uvwatch: updating web: 1 file changed (web/__init__.py)"


QUIET_WRITER = """
import sys, time
named, unnamed, count, pause = *sys.argv[1:3], int(sys.argv[3]), float(sys.argv[4])
open(named, "w").write("begin")
for number in range(count):
    time.sleep(pause)
    open(unnamed, "w").write(str(number))
open(unnamed, "w").write("end")
"""
"""Writes a file, and goes on under a name of it that nobody watches: no event tells."""


def test_a_file_whose_events_are_late_is_not_taken_before_it_has_rested(tiny: Project, tmp_path: Path) -> None:
    tiny.write({"src/tiny/a.css": "old"})
    unnamed = tmp_path / "unnamed.css"
    unnamed.hardlink_to(tiny.root / "src/tiny/a.css")
    with tiny.watch("--settle", "1", "--audit", "0") as daemon:
        tiny.run(sys.executable, "-c", QUIET_WRITER, tiny.root / "src/tiny/a.css", unnamed, "30", "0.05", check=True)
        assert outcomes(daemon.cycle()) == ["updated"]
        assert tiny.installed("tiny/a.css") == "end"
        assert daemon.stop() == ["uvwatch: stopped"]


def test_a_change_during_an_update_is_the_next_batch(web: Project, close_gate: Callable[[], Gate]) -> None:
    assert web.uvwatch("sync").returncode == 0
    with web.watch() as daemon:
        gate = close_gate()
        web.write({"web/old.py": "old = True\n"})
        web.edit("web/__init__.py", "one", "two")
        building = gate.knock()
        web.edit("web/__init__.py", "two", "three")
        web.write({"web/new.py": "new = True\n"})
        gate.open()
        building.close()
        assert outcomes(daemon.cycle()) == ["updated"]
        begin, *_, end = daemon.cycle()
        assert begin.startswith("uvwatch: updating web: ")
        assert end.startswith("uvwatch: updated web in ")
        assert web.installed("web/__init__.py") == 'VALUE = "three"\n'
        assert web.installed("web/new.py") == "new = True\n"
        assert daemon.stop() == ["uvwatch: stopped"]


def test_what_changed_while_it_was_down_is_made_good_at_the_start(tiny: Project) -> None:
    with tiny.watch() as daemon:
        daemon.stop()
    tiny.edit("src/tiny/__init__.py", "one", "two")
    (tiny.root / "src/tiny/a.css").unlink()
    tiny.write({"src/tiny/deep/er/new.txt": "new\n"})
    with tiny.watch() as daemon:
        assert daemon.out.seen[1].endswith(": 1 changed, 1 added, 1 removed)")
        assert tiny.installed("tiny/__init__.py") == 'VALUE = "two"\n'
        assert tiny.installed("tiny/deep/er/new.txt") == "new\n"
        assert tiny.installed("tiny/a.css") is None


def test_a_failing_build_is_told_with_its_place_and_the_old_copy_stays_until_it_is_mended(web: Project) -> None:
    hook = web.read("hatch_build.py")
    with web.watch() as daemon:
        web.write({"hatch_build.py": f"def broken(:\n{hook}", "web/__init__.py": 'VALUE = "two"\n'})
        _begin, problem, end = daemon.cycle()
        assert re.match(r"hatch_build\.py:1:\d+: error: SyntaxError: invalid syntax$", problem)
        assert re.match(r"uvwatch: failed web after .*: SyntaxError: invalid syntax$", end)
        assert web.python("import web; print(web.VALUE)") == "one"
        told = daemon.err.until(".*hatch_build.py")
        assert not any("uvwatch: error" in line for line in told)

        web.write({"hatch_build.py": hook})
        assert outcomes(daemon.cycle()) == ["updated"]
        assert web.python("import web; print(web.VALUE)") == "two"
        assert daemon.stop() == ["uvwatch: stopped"]


def test_an_environment_that_is_removed_is_made_again_with_what_the_tree_holds(tiny: Project) -> None:
    with tiny.watch() as daemon:
        tiny.edit("src/tiny/__init__.py", "one", "two")
        daemon.cycle()
        shutil.rmtree(tiny.prefix)
        while outcomes(daemon.cycle()) == ["failed"]:
            assert daemon.process.poll() is None
        assert tiny.python("import tiny; print(tiny.VALUE)") == "two"
        tiny.edit("src/tiny/__init__.py", "two", "three")
        while tiny.installed("tiny/__init__.py") != 'VALUE = "three"\n':
            assert outcomes(daemon.cycle()) != ["failed"]
        assert tiny.uvwatch("check").stdout == "tiny is fresh\n"


def test_a_project_that_another_command_uninstalls_is_installed_again_and_fresh(tiny: Project) -> None:
    with tiny.watch() as daemon:
        tiny.edit("src/tiny/__init__.py", "one", "two")
        daemon.cycle()
        tiny.uv("pip", "uninstall", "tiny")
        while tiny.installed("tiny/__init__.py") is None:
            assert outcomes(daemon.cycle()) != ["failed"]
        assert tiny.python("import tiny; print(tiny.VALUE)") == "two"


def test_a_second_watch_names_the_first_and_a_sync_beside_it_works(tiny: Project) -> None:
    with tiny.watch() as daemon:
        second = tiny.uvwatch("watch")
        assert (second.returncode, second.stdout) == (1, "")
        assert f"pid {daemon.process.pid}" in second.stderr
        assert second.stderr.count("\n") == 1

        tiny.edit("src/tiny/__init__.py", "one", "two")
        synced = tiny.uvwatch("sync")
        assert synced.returncode == 0, synced.stdout + synced.stderr
        assert tiny.installed("tiny/__init__.py") == 'VALUE = "two"\n'
        assert "failed" not in outcomes(daemon.cycle())
        assert tiny.uvwatch("check").stdout == "tiny is fresh\n"
    with tiny.watch() as daemon:
        assert outcomes(daemon.out.seen) == ["unchanged"]


def test_an_editable_project_is_told_so_once_and_only_its_build_inputs_are_acted_on(make: Make) -> None:
    project = make(TINY)
    project.uv("sync")
    with project.watch() as daemon:
        assert daemon.out.seen[-1].startswith("uvwatch: ready, watching 1 distribution (tiny editable) in ")
        project.edit("src/tiny/__init__.py", "one", "two")
        project.edit("pyproject.toml", 'version = "1.0"', 'version = "1.1"')
        begin, end = daemon.cycle()
        assert re.fullmatch(r"uvwatch: updating( tiny)?: 1 file changed \(pyproject\.toml\)", begin)
        assert end.startswith("uvwatch: updated tiny in ")
        assert project.python("import tiny, importlib.metadata as m; print(tiny.VALUE, m.version('tiny'))") == "two 1.1"
        assert daemon.stop() == ["uvwatch: stopped"]
        assert sum("editable-install" in line for line in daemon.err.rest()) == 1


def test_a_flip_to_editable_by_a_plain_uv_sync_is_put_back_with_a_warning(tiny: Project) -> None:
    with tiny.watch() as daemon:
        tiny.uv("sync")
        assert "updated" in outcomes(daemon.cycle())
        assert tiny.python("import tiny; print(tiny.__file__)") == f"{tiny.site}/tiny/__init__.py"
        daemon.stop()
        assert sum("editable-flip" in line for line in daemon.err.rest()) == 1


def test_settings_that_are_edited_while_it_runs_count_from_the_next_cycle(web: Project) -> None:
    with web.watch() as daemon:
        web.edit("pyproject.toml", "[project]", '[tool.uvwatch]\nignore = ["*.map"]\n\n[project]')
        daemon.cycle()
        web.write({"web/app.map": "{}", "web/__init__.py": 'VALUE = "two"\n'})
        assert daemon.cycle()[0] == "uvwatch: updating web: 1 file changed (web/__init__.py)"
        for wrong, expected in (
            ("ignroe", "did you mean tool.uvwatch.ignore?"),
            ("settle", "must be a number"),
            ("packages", "is installed: there are web"),
        ):
            web.edit("pyproject.toml", "ignore", wrong)
            assert outcomes(daemon.cycle()) != ["failed"]
            (*before, told) = daemon.err.until(".*settings.kept")
            assert not before
            assert f"{web.root}/pyproject.toml: tool.uvwatch.{wrong}" in told
            assert expected in told
            web.write({"web/app.map": wrong, "web/__init__.py": f"VALUE = {wrong!r}\n"})
            assert daemon.cycle()[0] == "uvwatch: updating web: 1 file changed (web/__init__.py)"
            assert web.installed("web/__init__.py") == f"VALUE = {wrong!r}\n"
            web.edit("pyproject.toml", wrong, "ignore")
            assert outcomes(daemon.cycle()) != ["failed"]
        web.edit("pyproject.toml", "*.map", "*.css")
        assert outcomes(daemon.cycle()) != ["failed"]
        web.write({"web/app.css": "", "web/__init__.py": 'VALUE = "last"\n'})
        assert daemon.cycle()[0] == "uvwatch: updating web: 1 file changed (web/__init__.py)"
        assert daemon.stop() == ["uvwatch: stopped"]
        assert daemon.err.rest() == []


def test_a_checkout_of_git_is_one_update(web: Project) -> None:
    git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org")
    web.write({f"web/page{number}.html": "old\n" for number in range(60)})
    web.run(*git, "add", "--all", check=True)
    web.run(*git, "commit", "--quiet", "--message", "old", check=True)
    web.run(*git, "checkout", "--quiet", "-b", "new", check=True)
    web.write({f"web/page{number}.html": "new\n" for number in range(60)})
    web.run(*git, "commit", "--quiet", "--all", "--message", "new", check=True)
    with web.watch() as daemon:
        lock = web.root / ".git" / "index.lock"
        lock.touch()
        web.write({"web/page0.html": "other\n"})
        web.write({"web/page0.html": "new\n"})
        lock.unlink()
        web.run(*git, "checkout", "--quiet", "-", check=True)
        lines = daemon.cycle()
        while outcomes(lines) == ["unchanged"]:
            lines = daemon.cycle()
        assert lines[-1].endswith(": 60 changed)")
        assert daemon.stop() == ["uvwatch: stopped"]


def test_colour_leaves_the_words_that_a_problem_matcher_looks_for_as_they_stand(tiny: Project) -> None:
    with tiny.watch("--color", "always") as daemon:
        begin, end, _ready = daemon.out.seen
        assert "\x1b[" in begin + end
        assert re.match(r"uvwatch: updating\b", begin)
        assert re.match(r"uvwatch: (updated|unchanged|failed)\b", end)


def test_a_copy_that_another_command_made_editable_is_put_back_and_kept_true_again(tiny: Project) -> None:
    with tiny.watch() as daemon:
        tiny.uv("sync")
        assert "reinstall" in daemon.cycle()[-1]
        tiny.write({"src/tiny/a.css": "a { color: blue }\n"})
        assert re.match(r"uvwatch: updated tiny in .* \(patch: 1 changed\)", daemon.cycle()[-1])
        assert tiny.installed("tiny/a.css") == "a { color: blue }\n"
