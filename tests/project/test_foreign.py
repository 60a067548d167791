from collections.abc import Iterable
from pathlib import Path

import pytest

from uvwatch.core.model import Distribution
from uvwatch.project.environment import Environment
from uvwatch.project.foreign import find_foreign

APP = Distribution(name="app", version="1", root="/src/app", editable=False, dist_info="app-1.dist-info")


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    site = tmp_path / "lib/python3.12/site-packages"
    site.mkdir(parents=True)
    return Environment(
        prefix=tmp_path,
        purelib=site,
        platlib=site,
        python=tmp_path / "bin/python",
        has_pyvenv_cfg=True,
        python_version="3.12.1",
    )


def write(site: Path, paths: Iterable[str]) -> None:
    for path in paths:
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(path)


def install(env: Environment, name: str, paths: tuple[str, ...]) -> None:
    """Install files with their RECORD."""
    write(env.purelib, (*paths, f"{name}-1.dist-info/METADATA"))
    rows = (*paths, f"{name}-1.dist-info/METADATA", f"{name}-1.dist-info/RECORD")
    (env.purelib / f"{name}-1.dist-info" / "RECORD").write_text("".join(f"{row},,\n" for row in rows))


def test_a_copy_as_installed_has_no_foreign_files_whatever_python_compiled(env: Environment) -> None:
    install(env, "app", ("app/__init__.py", "app/deep/a.css", "one.py"))
    write(env.purelib, ("app/__pycache__/__init__.cpython-312.pyc", "app/.uvwatch/staged", "other/__init__.py", "x.py"))

    assert find_foreign(env, APP).files == ()


def test_what_a_program_wrote_beside_the_package_is_foreign(env: Environment) -> None:
    install(env, "app", ("app/__init__.py",))
    write(env.purelib, ("app/migrations/0001.py", "app/static/a.css"))
    (env.purelib / "app" / "link").symlink_to("nowhere")

    assert find_foreign(env, APP).files == ("app/link", "app/migrations/0001.py", "app/static/a.css")


def test_packages_that_share_a_namespace_are_not_foreign_to_each_other(env: Environment) -> None:
    install(env, "app", ("space/app/__init__.py",))
    install(env, "other", ("space/other/__init__.py",))
    write(env.purelib, ("space/loose.py",))

    assert find_foreign(env, APP).files == ()


def test_a_directory_that_two_install_into_is_told_with_the_other(env: Environment) -> None:
    install(env, "app", ("shared/__init__.py",))
    install(env, "other", ("shared/plugin.py",))
    write(env.purelib, ("shared/written.py",))

    found = find_foreign(env, APP)

    assert found.files == ("shared/written.py",)
    assert found.sharing == ("other-1.dist-info",)


def test_without_a_record_nothing_is_called_foreign(env: Environment) -> None:
    install(env, "app", ("app/__init__.py",))
    write(env.purelib, ("app/more.py",))
    (env.purelib / "app-1.dist-info" / "RECORD").unlink()

    assert find_foreign(env, APP).files == ()
