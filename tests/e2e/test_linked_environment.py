"""``.venv`` is a symbolic link to an environment elsewhere: updated in place, and followed to wherever it leads."""

import json
from pathlib import Path

from tests.e2e.conftest import TINY, Make


def test_behind_a_link_files_are_put_in_place_and_another_environment_there_is_noticed(
    make: Make, tmp_path: Path
) -> None:
    project = make(TINY)
    first, second = tmp_path / "first", tmp_path / "second"

    def lead_to(environment: Path) -> None:
        """Make the link, or have it lead elsewhere from one moment to the next, as `ln -sfn` does."""
        link = tmp_path / "link"
        link.symlink_to(environment, target_is_directory=True)
        link.replace(project.prefix)

    project.uv("venv", "--quiet", str(first))
    lead_to(first)
    project.uv("sync", "--no-editable")
    (old,) = first.glob("lib/python*/site-packages/tiny/__init__.py")
    with project.watch() as daemon:
        project.edit("src/tiny/__init__.py", "one", "two")
        assert "(patch: 1 changed)" in daemon.cycle()[-1]
        assert old.read_text() == 'VALUE = "two"\n'

        project.uv("venv", "--quiet", str(second))
        lead_to(second)
        daemon.out.until("uvwatch: updated")
        assert project.python("import tiny; print(tiny.VALUE)") == "two"
        project.edit("src/tiny/__init__.py", "two", "three")
        daemon.out.until("uvwatch: updated")
        assert (project.python("import tiny; print(tiny.VALUE)"), old.read_text()) == ("three", 'VALUE = "two"\n')

        # What it leads to is made anew.
        project.uv("venv", "--quiet", "--clear", str(second))
        daemon.out.until("uvwatch: updated")
        assert project.python("import tiny; print(tiny.VALUE)") == "three"
        assert project.prefix.readlink() == second

        # Whoever asks meets the daemon there, and where it was another may begin.
        status = json.loads(project.uvwatch("status", "--json").stdout)
        assert (status["running"], status["pid"]) == (True, daemon.process.pid)
        assert project.uvwatch("watch").returncode == 1
        with project.watch("--environment", str(first)) as other:
            lead_to(first)
            assert daemon.ended() == 1
            assert f"runs already for this environment (pid {other.process.pid})" in "".join(daemon.err.rest())
            assert project.uvwatch("stop").returncode == 0
            assert other.ended() == 0
    assert not [*Path(project.env["XDG_RUNTIME_DIR"], "uvwatch").glob("*.sock")]
