"""Another program changes what is installed: it is noticed by its event, or by the audit, and made good."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.e2e.conftest import TINY, Make, Project
from tests.e2e.told import next_cycle, warning

FILES = {**TINY, "src/tiny/deep/er/page.html": "page\n", "src/tiny/deep/other.py": "OTHER = 1\n"}


def replace(path: Path, text: str) -> None:
    """Write an installed file as an editor does: what is there is a hard link into uv's cache."""
    beside = path.with_name("beside")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


MEDDLING: dict[str, Callable[[Path], object]] = {
    "a module is deleted": lambda package: (package / "__init__.py").unlink(),
    "a file is edited": lambda package: replace(package / "a.css", "a { color: pink }\n"),
    "a directory is removed": lambda package: shutil.rmtree(package / "deep"),
    "a directory is moved away": lambda package: (package / "deep").rename(package.parent / "away"),
    "all is removed": shutil.rmtree,
}


def copied(files: Mapping[str, str], project: Project) -> bool:
    """Whether the files of the package are installed."""
    names = (name.removeprefix("src/") for name in files if name.startswith("src/"))
    return all(project.installed(name) == files[f"src/{name}"] for name in names)


def test_what_another_program_does_to_the_installed_copy_is_made_good_at_once(make: Make) -> None:
    project = make(FILES)
    project.uv("sync", "--no-editable")
    package = project.site / "tiny"
    # No audit: what is noticed is noticed by its event.
    with project.watch("--json", "--audit", "0") as daemon:
        number = 1
        for what, meddle in MEDDLING.items():
            meddle(package)
            cycle = next_cycle(daemon)
            number += 1
            assert (cycle.number, cycle.trigger, cycle.outcome) == (number, "environment", "updated"), what
            assert copied(FILES, project), what

        # Neither what an importing program writes beside the files, nor what the daemon itself puts in place, is any
        # such change: the next cycle is that of the next edit.
        for value in ("two", "three"):
            imported = project.having(PYTHONDONTWRITEBYTECODE="").python("import tiny, tiny.deep.other; print(tiny)")
            assert str(package) in imported
            assert list(package.rglob("*.pyc"))
            project.write({"src/tiny/__init__.py": f'VALUE = "{value}"\n', f"src/tiny/new/{value}.txt": "new\n"})
            cycle = next_cycle(daemon)
            number += 1
            assert (cycle.number, cycle.trigger, cycle.outcome) == (number, "change", "updated")
        shutil.rmtree(package / "new")
        assert next_cycle(daemon).trigger == "environment"
        assert project.installed("tiny/new/two.txt") == "new\n"


def test_a_program_that_changes_an_installed_file_again_and_again_is_not_fought(tiny: Project) -> None:
    page = tiny.site / "tiny" / "a.css"
    with tiny.watch("--json", "--audit", "0") as daemon:
        for _ in range(3):
            replace(page, "a { color: pink }\n")
            assert next_cycle(daemon).trigger == "environment"
            assert page.read_text(encoding="utf-8") == TINY["src/tiny/a.css"]
        replace(page, "a { color: pink }\n")
        assert str(page) in daemon.err.until(".*installed.changed_again")[-1]
        tiny.edit("src/tiny/__init__.py", "one", "two")
        cycle = next_cycle(daemon)
        assert (cycle.number, cycle.trigger) == (5, "change")
        # Who asks is told the truth, and what is not fought is put back for whoever wants it.
        assert tiny.uvwatch("check").returncode == 1
        assert tiny.uvwatch("sync").returncode == 0
        assert page.read_text(encoding="utf-8") == TINY["src/tiny/a.css"]


def test_the_audit_makes_good_what_no_event_told(tiny: Project) -> None:
    # A write through another name of a file sends no event to those who watch the directory of the first.
    source, installed = tiny.root / "src" / "tiny" / "a.css", tiny.site / "tiny" / "__init__.py"
    replace(installed, TINY["src/tiny/__init__.py"])
    for path in (source, installed):
        os.link(path, tiny.root.parent / path.name)
    with tiny.watch("--json", "--audit", "0.2") as daemon:
        # An audit that finds nothing to do looks for foreign files, which come without an event; and is not the last.
        (tiny.site / "tiny" / "app.db").write_text("", encoding="utf-8")
        assert "tiny/app.db" in warning(daemon, "written-to-installed-copy")["message"]

        (tiny.root.parent / source.name).write_text("a { color: blue }\n", encoding="utf-8")
        cycle = next_cycle(daemon)
        assert (cycle.number, cycle.trigger, cycle.outcome) == (2, "audit", "updated")
        assert tiny.installed("tiny/a.css") == "a { color: blue }\n"

        (tiny.root.parent / installed.name).write_text("VALUE = 0\n", encoding="utf-8")
        cycle = next_cycle(daemon)
        assert (cycle.number, cycle.trigger, cycle.outcome) == (3, "audit", "updated")
        assert tiny.installed("tiny/__init__.py") == TINY["src/tiny/__init__.py"]
        assert cycle.started["changes"] == {"count": 0, "paths": []}


def test_what_it_puts_in_place_itself_is_no_news_so_status_is_fresh_as_soon_as_sync_returns(tiny: Project) -> None:
    idle = 0
    with tiny.watch("--settle", "5", "--audit", "0"):
        # On a busy machine the event of the edit itself may come after the answer, and is news then.
        for number in range(20):
            tiny.write({"src/tiny/a.css": f"a {{ order: {number} }}\n"})
            assert tiny.uvwatch("sync").returncode == 0
            status = tiny.uvwatch("status")
            idle += (status.returncode, "phase: idle" in status.stdout) == (0, True)
            if idle == 4:
                return
    raise AssertionError(f"it was idle after {idle} of 20")
