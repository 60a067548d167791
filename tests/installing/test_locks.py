import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from uvwatch.errors import Fatal
from uvwatch.installing.locks import Locks
from uvwatch.project.rendezvous import by_pointer, rendezvous_in


def test_a_second_daemon_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    with Locks(rendezvous_in(tmp_path, tmp_path / "venv")).instance():
        with (
            pytest.raises(Fatal, match=rf"pid {os.getpid()}") as refused,
            Locks(rendezvous_in(tmp_path, tmp_path / "venv")).instance(),
        ):
            pass
        assert refused.value.exit_code == 1


def test_a_pid_that_cannot_be_written_keeps_nobody_from_being_the_daemon(tmp_path: Path) -> None:
    place = rendezvous_in(tmp_path, tmp_path / "venv")
    place.pid.mkdir()  # a full disk is a failure of the same kind
    with Locks(place).instance(), pytest.raises(Fatal, match="runs already"), Locks(place).instance():
        pass


@pytest.mark.anyio
async def test_a_lock_that_cannot_be_had_is_said_in_one_sentence(tmp_path: Path) -> None:
    place = rendezvous_in(tmp_path, tmp_path / "venv")
    place.instance.mkdir()
    place.update.mkdir()
    with pytest.raises(Fatal, match=r"\.instance: cannot be locked \(Is a directory\)"), Locks(place).instance():
        pass
    with pytest.raises(Fatal, match=r"\.update: cannot be locked \(Is a directory\)"):
        async with Locks(place).update():
            pass


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


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory in which a socket's path has not more bytes than it may."""
    with tempfile.TemporaryDirectory(prefix="uvw") as directory:
        yield Path(directory)


def test_the_daemon_is_one_whatever_runtime_directory_each_would_take(tmp_path: Path, short: Path) -> None:
    environment = made(tmp_path)
    here, there = (rendezvous_in(private(short / name), environment) for name in ("here", "there"))
    with Locks(there).instance():
        with pytest.raises(Fatal, match=rf"pid {os.getpid()}"), Locks(here).instance():
            pass
        assert here.pointer.read_bytes() == os.fsencode(short / "there")
        assert here.pointer.stat().st_mode & 0o777 == 0o600
    with Locks(here).instance():
        pass
    assert not here.pointer.parent.exists()


@pytest.mark.anyio
async def test_the_pointer_is_left_again_in_an_environment_made_anew_and_in_nothing_else(
    tmp_path: Path, short: Path
) -> None:
    environment = tmp_path / "venv"
    locks = Locks(place := rendezvous_in(private(short / "here"), environment))
    with locks.instance():
        assert not environment.exists()
        async with locks.update():
            made(tmp_path)
        assert by_pointer(environment) == place
        shutil.rmtree(environment)
        async with locks.update():
            environment.mkdir()
        assert not any(environment.iterdir())


def made(parent: Path) -> Path:
    """What passes for an environment."""
    environment = parent / "venv"
    environment.mkdir()
    (environment / "pyvenv.cfg").touch()
    return environment


def private(directory: Path) -> Path:
    directory.mkdir(mode=0o700)
    return directory


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
