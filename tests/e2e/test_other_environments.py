"""The environment is made anew under the daemon: empty, by another Python, or not at all; and what polling sees."""

import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from uv import find_uv_bin

from tests.e2e.conftest import COMMAND, TINY, Gate, Make, Project
from tests.e2e.told import next_cycle, wait_until

OTHERS = ("3.8", "3.10", "3.12", "3.13", "3.14")
"""The Pythons to look for; any of them may be there, or none."""


def interpreters(project: Project) -> list[str]:
    """The oldest and the youngest Python that uv finds of these, and at least the one that it takes by itself."""
    found = [project.run(find_uv_bin(), "python", "find", "--no-project", version) for version in OTHERS]
    paths = [each.stdout.strip() for each in found if not each.returncode]
    own = project.uv("python", "find", "--no-project").stdout.strip()
    return list(dict.fromkeys([*paths[:1], *paths[-1:], own]))


def test_an_environment_that_is_cleared_beside_the_daemon_is_made_whole_again(tiny: Project) -> None:
    with tiny.watch("--json", "--audit", "0") as daemon:
        tiny.edit("src/tiny/__init__.py", "one", "two")
        assert next_cycle(daemon).outcome == "updated"
        tiny.uv("venv", "--clear")
        while next_cycle(daemon).outcome == "failed":
            assert daemon.process.poll() is None
        assert tiny.python("import tiny; print(tiny.VALUE)") == "two"
        assert tiny.uvwatch("check").returncode == 0


def test_an_environment_of_another_python_is_taken_up_and_patched_past_its_bytecode(make: Make) -> None:
    project = make({**TINY, "pyproject.toml": TINY["pyproject.toml"].replace(">=3.10", ">=3.8")})
    project = project.having(PYTHONDONTWRITEBYTECODE="")
    project.uv("sync", "--no-editable")
    with project.watch("--json", "--audit", "0") as daemon:
        for number, python in enumerate(interpreters(project)):
            project.uv("sync", "--no-editable", "--python", python)
            code = "import sys, tiny; print(sys.version_info[:2], tiny.VALUE)"
            wait_until(lambda: project.uvwatch("status").returncode == 0, "fresh in the new environment")
            version = project.python(code).rpartition(" ")[0]
            assert version == project.run(python, "-c", "import sys; print(sys.version_info[:2])").stdout.strip()
            assert list(project.site.glob("tiny/__pycache__/*.pyc"))
            project.write({"src/tiny/__init__.py": f'VALUE = "{number:03}"\n'})
            cycle = next_cycle(daemon)
            while "src/tiny/__init__.py" not in cycle.started["changes"]["paths"]:
                cycle = next_cycle(daemon)
            assert cycle.outcome == "updated"
            assert project.python(code) == f"{version} {number:03}"
            # The copy is watched where it lies now, and what lay elsewhere is missed nowhere.
            (project.site / "tiny" / "a.css").unlink()
            cycle = next_cycle(daemon)
            assert (cycle.trigger, cycle.outcome) == ("environment", "updated")
            assert project.installed("tiny/a.css") == TINY["src/tiny/a.css"]


def test_a_project_that_lies_in_its_environment_is_followed(tmp_path: Path, user: Mapping[str, str]) -> None:
    prefix = tmp_path / "env"
    project = Project(
        root=prefix / "src" / "project", env={**user, "UV_PROJECT_ENVIRONMENT": str(prefix)}, prefix=prefix
    )
    project.write(TINY)
    project.uv("venv", "--allow-existing", str(prefix))
    project.uv("sync", "--no-editable")
    with project.watch("--json", "--audit", "0") as daemon:
        project.edit("src/tiny/__init__.py", "one", "two")
        assert next_cycle(daemon).trigger == "change"
        (project.site / "tiny" / "__init__.py").unlink()
        assert next_cycle(daemon).trigger == "environment"
        assert project.installed("tiny/__init__.py") == 'VALUE = "two"\n'


def test_an_environment_that_is_removed_in_the_middle_of_an_update_fails_it_and_nothing_is_put_in_its_place(
    web: Project, close_gate: Callable[[], Gate]
) -> None:
    assert web.uvwatch("sync").returncode == 0
    with web.watch("--json", "--audit", "0") as daemon:
        gate = close_gate()
        web.write({"web/new.py": "NEW = 1\n"})
        building = gate.knock()
        # While something holds, the daemon makes no new environment: what the update left behind can be seen.
        with web.start(COMMAND, "hold", "--", "sh", "-c", "echo holding; exec sleep 600") as hold:
            wait_until(lambda: '"holds":[{' in web.uvwatch("status", "--json").stdout, "the hold was asked for")
            shutil.rmtree(web.prefix)
            gate.open()
            building.close()
            assert next_cycle(daemon).outcome == "failed"
            hold.out.until("holding")
            assert not web.prefix.exists()
            web.uv("sync", "--no-editable")
            hold.send(signal.SIGTERM)
            hold.ended()
        while next_cycle(daemon).outcome == "failed":
            assert daemon.process.poll() is None
        assert web.python("import web.new; print(web.new.NEW)") == "1"
        assert web.uvwatch("check").returncode == 0


def test_polling_sees_the_second_of_two_saves_within_a_second(tiny: Project) -> None:
    with tiny.watch("--json", "--audit", "0", "--polling", "always") as daemon:
        assert '"backend":"polling"' in daemon.out.seen[-1]
        wait_until(lambda: time.time() % 1 < 0.1, "the beginning of a second")
        for number, color in enumerate(("blue", "pink"), start=2):
            tiny.write({"src/tiny/a.css": f"a {{ color: {color} }}\n"})
            cycle = next_cycle(daemon)
            assert (cycle.number, cycle.trigger, cycle.outcome) == (number, "change", "updated")
            assert tiny.installed("tiny/a.css") == f"a {{ color: {color} }}\n"
