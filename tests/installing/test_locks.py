import os
from pathlib import Path

import anyio
import pytest

from uvwatch.errors import Fatal
from uvwatch.installing.locks import Locks, runtime_directory


def test_the_directory_is_the_users_own(tmp_path: Path) -> None:
    directory = runtime_directory({"XDG_RUNTIME_DIR": str(tmp_path)})

    assert directory == tmp_path / "uvwatch"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert runtime_directory({"XDG_RUNTIME_DIR": str(tmp_path)}) == directory


def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "uvwatch").mkdir()
    (tmp_path / "uvwatch").chmod(0o755)

    with pytest.raises(Fatal, match="is not a directory of yours alone"):
        runtime_directory({"XDG_RUNTIME_DIR": str(tmp_path)})


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "uvwatch").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Fatal, match="is not a directory of yours alone"):
        runtime_directory({"XDG_RUNTIME_DIR": str(tmp_path)})


def test_a_runtime_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="set XDG_RUNTIME_DIR"):
        runtime_directory({"XDG_RUNTIME_DIR": str(tmp_path / "gone")})


def test_a_second_daemon_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    with Locks(tmp_path, tmp_path / "venv").instance():
        with (
            pytest.raises(Fatal, match=rf"pid {os.getpid()}") as refused,
            Locks(tmp_path, tmp_path / "venv").instance(),
        ):
            pass
        assert refused.value.exit_code == 1


def test_two_environments_do_not_know_each_other(tmp_path: Path) -> None:
    with Locks(tmp_path, tmp_path / "one").instance(), Locks(tmp_path, tmp_path / "two").instance():
        pass


def test_an_environment_is_known_by_its_real_path(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    with (
        Locks(tmp_path, tmp_path / "real").instance(),
        pytest.raises(Fatal),
        Locks(tmp_path, tmp_path / "link").instance(),
    ):
        pass


def test_the_end_of_a_daemon_makes_room_for_the_next(tmp_path: Path) -> None:
    locks = Locks(tmp_path, tmp_path / "venv")
    with locks.instance():
        pass
    with locks.instance():
        pass


@pytest.mark.anyio
async def test_updates_take_turns(tmp_path: Path) -> None:
    one, two = Locks(tmp_path, tmp_path / "venv"), Locks(tmp_path, tmp_path / "venv")
    order = []
    first_has_it = anyio.Event()
    may_end = anyio.Event()

    async def first() -> None:
        async with one.update():
            first_has_it.set()
            await may_end.wait()
            order.append("first")

    async def second() -> None:
        async with two.update():
            order.append("second")

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            await first_has_it.wait()
            tasks.start_soon(second)
            await anyio.wait_all_tasks_blocked()
            may_end.set()

    assert order == ["first", "second"]
