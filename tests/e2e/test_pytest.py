"""``uvwatch sync && pytest``, again and again, beside the daemon: each run tests what was saved before it."""

import os
from pathlib import Path
from subprocess import CompletedProcess

from tests.e2e.conftest import COMMAND, TINY, Make, Project

TESTED = {
    **TINY,
    "pyproject.toml": TINY["pyproject.toml"] + '\n[dependency-groups]\ndev = ["pytest"]\n',
    "tests/test_copy.py": """\
import os
from importlib import resources

import tiny


def test_it_is_the_installed_copy_of_what_was_saved():
    assert os.path.realpath(tiny.__file__).startswith(os.path.realpath(os.environ["SITE"]) + os.sep)
    assert tiny.VALUE == os.environ["EXPECTED"]
    assert (resources.files(tiny) / "a.css").read_text() == f"a {{ --value: {os.environ['EXPECTED']} }}\\n"
""",
}


def save(project: Project, value: str) -> None:
    """Save a module and a stylesheet that both hold the value."""
    project.write({"src/tiny/a.css": f"a {{ --value: {value} }}\n", "src/tiny/__init__.py": f'VALUE = "{value}"\n'})


def test_each_run_of_pytest_after_a_sync_sees_its_own_edit_and_one_without_it_the_old_code(make: Make) -> None:
    project = make(TESTED)
    project.uv("sync", "--no-editable")
    away = project.at(Path(project.env["HOME"])).having(
        PATH=os.pathsep.join([str(COMMAND.parent), project.env["PATH"]]), SITE=str(project.site)
    )
    assert not away.root.is_relative_to(project.root)
    test = f"{project.prefix}/bin/python -m pytest {project.root}/tests"

    def run(line: str, expected: str) -> "CompletedProcess[str]":
        return away.having(EXPECTED=expected).run("sh", "-c", line)

    # The daemon by itself would wait for longer than the test takes.
    with project.watch("--settle", "60", "--settle-max", "60") as daemon:
        save(project, "new")
        without = run(test, "new")
        assert (without.returncode, "assert 'one' == 'new'" in without.stdout) == (1, True), without.stdout
        # All of one length, and several within a second: a stale .pyc would look right.
        for value in ("two", "six", "ten", "one", "two"):
            save(project, value)
            done = run(f"uvwatch sync --project {project.root} && {test}", value)
            assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
            assert daemon.cycle()[-1].startswith("uvwatch: updated tiny in ")
        save(project, "bad")
        project.write({"pyproject.toml": TESTED["pyproject.toml"] + "[[[\n"})
        untested = run(f"uvwatch sync --project {project.root} && {test}", "bad")
        assert untested.returncode == 1
        assert "test session starts" not in untested.stdout
        daemon.cycle()
        assert daemon.stop() == ["uvwatch: stopped"]
