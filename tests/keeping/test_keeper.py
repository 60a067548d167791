"""What a keeper learns, on a real project in a real environment."""

import os
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from uvwatch.core.model import Content
from uvwatch.core.plan import Standing
from uvwatch.core.record import digest
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.site import Request, find_site
from uvwatch.project.environment import open_environment
from uvwatch.project.installed import local_distributions

PYPROJECT = """
[project]
name = "pkg"
version = "1"
requires-python = ">=3.10"
[build-system]
requires = ["uv_build"]
build-backend = "uv_build"
"""


def write(keeper: Keeper, name: str, text: str) -> None:
    path = Path(keeper.distribution.root, name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


@pytest.fixture
async def keeper(tmp_path: Path) -> Keeper:
    (tmp_path / "src" / "pkg").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "src" / "pkg" / "__init__.py").write_text("VALUE = 1\n")
    environ = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV")}
    environ["XDG_RUNTIME_DIR"] = str(tmp_path)
    subprocess.run(  # noqa: ASYNC221 - before anything else runs
        [find_uv_bin(), "sync", "--quiet", "--no-editable"], cwd=tmp_path, env=environ, check=True
    )
    site = find_site(Request(project=tmp_path, options={}, environ=environ))
    env = open_environment(site.prefix)
    (distribution,) = local_distributions(env)
    found = Keeper(site, env, distribution, ())
    await found.read_installed()
    await found.look()
    return found


@pytest.mark.anyio
async def test_a_tree_that_was_learned_is_fresh(keeper: Keeper) -> None:
    await keeper.learn(keeper.wheel_files(), keeper.contents)

    assert (await keeper.judge()).standing is Standing.FRESH


@pytest.mark.anyio
async def test_what_was_written_during_the_build_and_taken_back_is_not_learned(keeper: Keeper) -> None:
    read_by_the_backend = Content(digest(b"VALUE = 666\n"), executable=False)
    wheel = {**keeper.wheel_files(), "pkg/__init__.py": read_by_the_backend}

    await keeper.learn(wheel, keeper.contents, moved=frozenset({"src/pkg/__init__.py"}))

    assert (await keeper.judge()).standing is not Standing.FRESH


@pytest.mark.anyio
async def test_settings_that_break_keep_the_last_good_rules(keeper: Keeper) -> None:
    before = keeper.rules
    write(keeper, "pyproject.toml", PYPROJECT + "[[[\n")

    batch = await keeper.look()

    assert batch.changed == ("pyproject.toml",)
    assert keeper.rules == before


@pytest.mark.anyio
async def test_settings_that_change_bring_more_of_the_tree_into_view(keeper: Keeper) -> None:
    write(keeper, "dist/made.txt", "made")
    write(keeper, "pyproject.toml", PYPROJECT + '[tool.uvwatch]\nartifacts = ["dist"]\n')
    keeper.take(find_site(keeper.site.request))

    assert "dist/made.txt" in (await keeper.look()).added
