"""A build that did not end names what it may have waited for."""

import os
import stat
from pathlib import Path

import pytest

from tests.keeping.conftest import PYPROJECT, remove, write
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.obstacles import obstacles, with_obstacles


def pipe(keeper: Keeper, name: str) -> None:
    path = Path(keeper.distribution.root, name)
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)


def test_what_is_no_file_is_found_wherever_it_lies_but_in_an_environment(tmp_path: Path) -> None:
    for name in ("data/deep", ".git", ".venv"):
        (tmp_path / name).mkdir(parents=True)
        os.mkfifo(tmp_path / name / "pipe")
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    (tmp_path / "link").symlink_to("nowhere")
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o644)

    assert dict(obstacles(str(tmp_path))) == {
        "socket": "a socket, not a file",
        "data/deep/pipe": "a FIFO: whoever opens it waits",
    }


@pytest.mark.anyio
async def test_a_build_that_took_too_long_names_a_fifo_and_another_failure_is_as_it_was(keeper: Keeper) -> None:
    pipe(keeper, "data/pipe")
    slow = CycleFailed(FailureKind.TIMEOUT, "the build did not end within 300 s")
    wrong = CycleFailed(FailureKind.BUILD, "SyntaxError")

    named = await with_obstacles(keeper, slow)

    assert str(named) == (
        "the build did not end within 300 s; it may have waited for data/pipe (a FIFO: whoever opens it waits)"
    )
    assert (named.kind, named.path) == (FailureKind.TIMEOUT, "data/pipe")
    assert await with_obstacles(keeper, wrong) is wrong


@pytest.mark.anyio
async def test_a_fifo_in_place_of_a_file_that_shapes_the_wheel_is_refused_at_once(keeper: Keeper) -> None:
    write(keeper, "pyproject.toml", PYPROJECT.replace("[project]", '[project]\nreadme = "README.md"'))
    pipe(keeper, "README.md")
    await keeper.look()
    with pytest.raises(CycleFailed, match=r"^README\.md: a FIFO"):
        keeper.require_buildable()

    remove(keeper, "README.md")
    await keeper.look()
    keeper.require_buildable()
