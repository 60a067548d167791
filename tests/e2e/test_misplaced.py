"""Files in the wrong place are told, with what to do: in the installed copy alone, or in the tree and in no wheel."""

import json
from typing import Any

from tests.e2e.conftest import Daemon, Project

FOREIGN = "written-to-installed-copy"
DROPPED = "artifact-dropped"


def warnings(lines: list[str]) -> list[dict[str, Any]]:
    """The warnings among the JSON lines."""
    return [event for event in map(json.loads, lines) if event["event"] == "warning"]


def next_warning(daemon: Daemon) -> dict[str, Any]:
    return warnings(daemon.out.until('.*"event":"warning"'))[-1]


def finished(daemon: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(daemon.out.until('.*"event":"cycle.finished"')[-1])
    return found


def test_foreign_files_are_told_at_start_and_when_there_are_more_and_left_alone_by_every_action(tiny: Project) -> None:
    written = {f"tiny/migrations/000{number}.py": f"N = {number}\n" for number in range(1, 5)}
    copy = tiny.at(tiny.site)
    copy.write(written)

    with tiny.watch("--json", "--audit", "0.1") as daemon:
        [told] = warnings(daemon.out.seen)
        assert (told["code"], told["distribution"]) == (FOREIGN, "tiny")
        assert "4 files" in told["message"]
        assert "tiny/migrations/0001.py, tiny/migrations/0002.py, tiny/migrations/0003.py and 1 more" in told["message"]
        assert "PYTHONPATH=src" in told["remedy"]

        copy.write({"tiny/later.txt": "later\n"})
        more = next_warning(daemon)
        assert more["code"] == FOREIGN
        assert "(tiny/later.txt, " in more["message"]

        tiny.write({"src/tiny/__init__.py": 'VALUE = "two"\n'})
        assert finished(daemon)["distributions"][0]["action"] == "patch"
        tiny.write({"src/tiny/new.py": ""})
        assert finished(daemon)["distributions"][0]["action"] == "rebuild"
        tiny.edit("pyproject.toml", 'version = "1.0"', 'version = "1.0"\ndescription = "New."')
        assert finished(daemon)["distributions"][0]["action"] == "reinstall"
        assert warnings(daemon.stop()) == []

    assert {name: tiny.installed(name) for name in written} == written
    assert tiny.installed("tiny/later.txt") == "later\n"


def test_generated_files_that_the_backend_leaves_out_are_told_with_the_line_that_carries_them(web: Project) -> None:
    web.write({"web/made/a.js": "a", "web/made/deep/b.js": "b", ".gitignore": ".venv/\nweb/made/\n__pycache__/\n"})

    with web.watch("--json") as daemon:
        [told] = warnings(daemon.out.seen)
        assert (told["code"], told["distribution"]) == (DROPPED, "web")
        assert "web/made (2 files)" in told["message"]
        line = 'artifacts = ["web/static", "web/made"]'
        assert f"`{line}` under [tool.hatch.build.targets.wheel]" in told["remedy"]

        web.edit("pyproject.toml", 'artifacts = ["web/static"]', line)
        assert finished(daemon)["distributions"][0]["added"] == ["web/made/a.js", "web/made/deep/b.js"]
        assert warnings(daemon.stop()) == []
