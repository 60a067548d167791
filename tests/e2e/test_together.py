"""The daemon among other commands: what they do to the project and the environment while it runs."""

from tests.e2e.conftest import Project


def test_an_editable_project_whose_settings_break_is_told_and_goes_on_when_they_are_mended(tiny: Project) -> None:
    tiny.uv("sync", "--frozen")
    with tiny.watch() as daemon:
        whole = tiny.read("pyproject.toml")
        tiny.write({"pyproject.toml": whole + "[[[\n"})
        begin, problem, end = daemon.cycle()
        assert begin == "uvwatch: updating tiny: 1 file changed (pyproject.toml)"
        assert problem.startswith("pyproject.toml:")
        assert end.startswith("uvwatch: failed tiny after ")
        tiny.write({"pyproject.toml": whole})
        *_, end = daemon.cycle()
        assert end.startswith("uvwatch: unchanged in ")
        assert daemon.stop() == ["uvwatch: stopped"]


def test_a_mode_that_is_changed_beside_a_running_daemon_stays_changed(tiny: Project) -> None:
    with tiny.watch() as daemon:
        assert tiny.uvwatch("sync", "--editable").returncode == 0
        tiny.write({"setup.cfg": "# a build input\n"})
        daemon.cycle()
        assert tiny.installed("tiny/__init__.py") is None
        assert tiny.uvwatch("check", "--json").stdout.count('"editable":true') == 1


def test_a_package_is_known_in_any_spelling_and_an_unknown_one_is_never_fresh(tiny: Project) -> None:
    assert tiny.uvwatch("sync", "--package", "Tiny").returncode == 0
    tiny.uv("pip", "uninstall", "tiny")
    assert tiny.uvwatch("check", "--package", "tiny").returncode == 2
    assert tiny.uvwatch("sync", "--package", "TINY").returncode == 0
    assert tiny.installed("tiny/__init__.py") is not None
    unknown = tiny.uvwatch("sync", "--package", "nobody")
    assert unknown.returncode == 2
    assert "nobody" in unknown.stderr
