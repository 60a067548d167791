"""A build that writes into its own tree: what the wheel explains is no change, what it does not is found out."""

import json
import re

from tests.e2e.conftest import Make, Project
from tests.e2e.told import next_cycle, warning

BACKEND = """\
import os, pathlib, time
from flit_core.buildapi import *
from flit_core import buildapi

def build_wheel(*arguments):
    before, after = os.environ["BEFORE"], os.environ["AFTER"]
    if before:
        pathlib.Path("looping/made.py").write_text(before.format(time.time_ns()))
    try:
        return buildapi.build_wheel(*arguments)
    finally:
        if after:
            pathlib.Path("looping/made.py").write_text(after.format(time.time_ns()))
"""
"""Writes a module into the tree before, or after, the wheel is built, as hooks do that stamp a version."""

FILES = {
    # The metadata comes from the code, so that any module may shape it: each change of one is a build.
    "pyproject.toml": """\
[build-system]
requires = ["flit_core>=3.11"]
build-backend = "backend"
backend-path = ["."]

[project]
name = "looping"
requires-python = ">=3.10"
dynamic = ["version", "description"]
""",
    "backend.py": BACKEND,
    "looping/__init__.py": '"""Goes round."""\n\n__version__ = "1"\n\nVALUE = "one"\n',
    "looping/made.py": "MADE = 0\n",
}


def made(make: Make, *, before: str = "", after: str = "") -> Project:
    """The project, installed by uv, whose builds write so."""
    project = make(FILES)
    project = project.having(BEFORE=before, AFTER=after)
    project.uv("sync", "--no-editable")
    return project


def test_a_file_that_each_build_writes_before_it_makes_the_wheel_starts_no_second_cycle(make: Make) -> None:
    project = made(make, before="MADE = {}\n")
    with project.watch("--json") as daemon:
        for number, value in enumerate(("two", "three"), start=2):
            project.write({"looping/__init__.py": f'"""Goes round."""\n\n__version__ = "1"\n\nVALUE = "{value}"\n'})
            cycle = next_cycle(daemon)
            assert (cycle.number, cycle.outcome) == (number, "updated")
            assert "looping/__init__.py" in cycle.started["changes"]["paths"]
            assert project.installed("looping/made.py") == project.read("looping/made.py") != FILES["looping/made.py"]


def test_a_file_that_each_build_writes_anew_is_named_suspended_and_followed_again_on_demand(make: Make) -> None:
    project = made(make, after="MADE = {}\n")
    with project.watch("--json", "--audit", "0") as daemon:
        told = warning(daemon, "loop")
        assert told["distribution"] == "looping"
        assert re.match(r"looping/made\.py changed during each of the last 6 updates, every \d+\.\d s", told["message"])
        last = json.loads([line for line in daemon.out.seen if '"cycle.finished"' in line][-1])["cycle"]

        # It goes round no more: the next cycle is that of the next edit, and no further one comes of its build.
        for number, value in enumerate(("two", "three"), start=last + 1):
            project.edit("looping/__init__.py", "VALUE", f"# {value}\nVALUE")
            cycle = next_cycle(daemon)
            assert (cycle.number, cycle.outcome) == (number, "updated")
            assert cycle.started["changes"]["paths"] == ["looping/__init__.py"]

        project.edit("pyproject.toml", "[project]", "# saved\n[project]")
        again = next_cycle(daemon)
        while "looping/made.py" not in again.started["changes"]["paths"]:
            again = next_cycle(daemon)
        assert warning(daemon, "loop")["message"].startswith("looping/made.py changed during each of the last 6")
