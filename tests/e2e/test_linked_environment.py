"""``.venv`` is a symbolic link to an environment elsewhere: updated in place, and followed to wherever it leads."""

from pathlib import Path

from tests.e2e.conftest import TINY, Make


def test_behind_a_link_files_are_put_in_place_and_another_environment_there_is_noticed(
    make: Make, tmp_path: Path
) -> None:
    project = make(TINY)
    first, second = tmp_path / "first", tmp_path / "second"
    project.uv("venv", "--quiet", str(first))
    project.prefix.symlink_to(first, target_is_directory=True)
    project.uv("sync", "--no-editable")
    (old,) = first.glob("lib/python*/site-packages/tiny/__init__.py")
    with project.watch() as daemon:
        project.edit("src/tiny/__init__.py", "one", "two")
        assert "(patch: 1 changed)" in daemon.cycle()[-1]
        assert old.read_text() == 'VALUE = "two"\n'

        # The link leads elsewhere from one moment to the next, as `ln -sfn` has it.
        project.uv("venv", "--quiet", str(second))
        (tmp_path / "link").symlink_to(second, target_is_directory=True)
        (tmp_path / "link").replace(project.prefix)
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
        assert project.uvwatch("check").returncode == 0
