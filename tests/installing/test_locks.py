import os
from pathlib import Path

import anyio
import pytest

from uvwatch.errors import Fatal
from uvwatch.installing.locks import Locks
from uvwatch.project.rendezvous import rendezvous_in


def test_a_second_daemon_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    with Locks(rendezvous_in(tmp_path, tmp_path / "venv")).instance():
        with (
            pytest.raises(Fatal, match=rf"pid {os.getpid()}") as refused,
            Locks(rendezvous_in(tmp_path, tmp_path / "venv")).instance(),
        ):
            pass
        assert refused.value.exit_code == 1


def test_two_environments_do_not_know_each_other(tmp_path: Path) -> None:
    with (
        Locks(rendezvous_in(tmp_path, tmp_path / "one")).instance(),
        Locks(rendezvous_in(tmp_path, tmp_path / "two")).instance(),
    ):
        pass


def test_an_environment_is_known_by_its_real_path(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    with (
        Locks(rendezvous_in(tmp_path, tmp_path / "real")).instance(),
        pytest.raises(Fatal),
        Locks(rendezvous_in(tmp_path, tmp_path / "link")).instance(),
    ):
        pass


def test_the_end_of_a_daemon_makes_room_for_the_next(tmp_path: Path) -> None:
    locks = Locks(rendezvous_in(tmp_path, tmp_path / "venv"))
    with locks.instance():
        pass
    with locks.instance():
        pass


@pytest.mark.anyio
async def test_updates_take_turns(tmp_path: Path) -> None:
    one, two = Locks(rendezvous_in(tmp_path, tmp_path / "venv")), Locks(rendezvous_in(tmp_path, tmp_path / "venv"))
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
