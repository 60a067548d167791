from pathlib import Path

import anyio
import pytest
from filelock import FileLock

from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.envlock import environment_lock

pytestmark = pytest.mark.anyio


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    (tmp_path / "pyvenv.cfg").touch()
    return tmp_path


def is_free(prefix: Path) -> bool:
    lock = FileLock(prefix / ".lock", timeout=0)
    try:
        lock.acquire()
    except TimeoutError:
        return False
    lock.release()
    return True


async def test_it_is_taken_and_let_go(prefix: Path) -> None:
    async with environment_lock(prefix):
        assert not is_free(prefix)
    assert is_free(prefix)


async def test_it_is_let_go_after_an_error(prefix: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with environment_lock(prefix):
            raise ZeroDivisionError
    assert is_free(prefix)


@pytest.mark.parametrize("mode", [0o666, 0o606, 0o600])
async def test_file_inode_and_permissions_stay(prefix: Path, mode: int) -> None:
    (prefix / ".lock").touch()
    (prefix / ".lock").chmod(mode)
    before = (prefix / ".lock").stat()
    async with environment_lock(prefix):
        pass
    after = (prefix / ".lock").stat()
    assert (after.st_ino, after.st_mode, after.st_size) == (before.st_ino, before.st_mode, 0)


async def test_where_there_is_none_it_is_made_as_uv_makes_it(prefix: Path) -> None:
    async with environment_lock(prefix):
        pass
    assert (prefix / ".lock").stat().st_mode & 0o777 == 0o666


async def test_whoever_holds_it_is_waited_for(prefix: Path) -> None:
    order: list[str] = []
    first_has_it, may_end = anyio.Event(), anyio.Event()

    async def first() -> None:
        async with environment_lock(prefix):
            first_has_it.set()
            await may_end.wait()
            order.append("first")

    async def second() -> None:
        async with environment_lock(prefix):
            order.append("second")

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            await first_has_it.wait()
            tasks.start_soon(second)
            await anyio.wait_all_tasks_blocked()
            may_end.set()
    assert order == ["first", "second"]


async def test_whoever_keeps_it_fails_the_cycle(prefix: Path) -> None:
    with FileLock(prefix / ".lock"), pytest.raises(CycleFailed, match=r"has held .*/\.lock for 0\.03 s") as caught:
        async with environment_lock(prefix, timeout=0.03):
            pass
    assert caught.value.kind is FailureKind.ENVIRONMENT


@pytest.mark.parametrize("made", [True, False])
async def test_where_there_is_no_environment_nothing_is_made(tmp_path: Path, *, made: bool) -> None:
    prefix = tmp_path / "venv"
    if made:
        prefix.mkdir()
    with pytest.raises(CycleFailed, match="is no environment any more"):
        async with environment_lock(prefix):
            pass
    assert not (prefix / ".lock").exists()
    assert prefix.exists() is made


async def test_a_lock_that_cannot_be_opened_fails_the_cycle(prefix: Path) -> None:
    (prefix / ".lock").mkdir()
    with pytest.raises(CycleFailed, match="Is a directory"):
        async with environment_lock(prefix):
            pass
