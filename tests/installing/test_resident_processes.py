"""The processes of resident builds: who hangs, dies, grows or is killed, and what is left of them."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import anyio
import pytest
from trio.testing import MockClock

from tests.installing.residents import (
    ENVIRON,
    IN_TREE,
    OWN,
    PYTHON,
    build,
    failure,
    is_gone,
    own_backend,
    pids,
    project,
    resident,
    wait_until_gone,
    write,
)
from uvwatch.errors import FailureKind
from uvwatch.installing.resident import NotResident

pytestmark = pytest.mark.anyio

HANG = """
    child = subprocess.Popen(["sleep", "600"])
    print("pids", os.getpid(), child.pid, os.getppid())
    time.sleep(600)
"""


def pids_of(lines: list[str]) -> list[int]:
    (found,) = [line.split()[1:] for line in lines if line.startswith("pids")]
    return [int(each) for each in found]


async def test_a_hook_that_hangs_is_ended_with_its_group_and_the_zygote_lives(builds: Path, tmp_path: Path) -> None:
    root, good = own_backend(tmp_path / "elsewhere", HANG), project(tmp_path / "good", "in the tree")
    write(root, {"pyproject.toml": f'{OWN}[project]\nname = "p"\nversion = "1"\n'})
    async with resident(builds, root) as of:
        await build(of, good)
        error = await failure(of, root, seconds=1)
        hook, child, zygote = pids_of(error.output.splitlines())
        assert (error.kind, str(error)) == (FailureKind.TIMEOUT, "the build of p did not end within 1 s")
        assert is_gone(hook)
        assert is_gone(child)
        await build(of, good)
        assert pids(of) == {zygote}


@pytest.mark.parametrize("anyio_backend", ["trio", "asyncio"])
async def test_a_cancelled_build_leaves_nothing(builds: Path, tmp_path: Path) -> None:
    root, lines = own_backend(tmp_path / "p", HANG), list[str]()
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    async with resident(builds, root) as of, anyio.create_task_group() as tasks:

        def on_line(line: str) -> None:
            lines.append(line)
            if line.startswith("pids"):
                tasks.cancel_scope.cancel()

        await of.build_wheel(str(root), out_dir=str(temporary), python=PYTHON, timeout=60, on_line=on_line)
    assert all(is_gone(pid) for pid in pids_of(lines))
    assert list(temporary.iterdir()) == []


async def test_what_a_hook_leaves_in_the_background_delays_nothing_and_lives_on(builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "in the tree")
    text = IN_TREE.replace(
        '    print("value"',
        '    import subprocess\n    print("pids", subprocess.Popen(["sleep", "600"]).pid)\n    print("value"',
    )
    write(root, {"tools/backend.py": text})
    lines: list[str] = []
    async with resident(builds, root) as of:
        await build(of, root, seconds=30, lines=lines)
    (pid,) = pids_of(lines)
    assert not is_gone(pid)
    os.kill(pid, signal.SIGKILL)


ONCE = """    import time
    if not os.path.exists("died"):
        open("died", "w").close()
        os.kill(os.getppid(), 9)
        time.sleep(600)
"""


async def test_a_zygote_that_dies_is_replaced_and_the_build_done_again(builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "in the tree")
    async with resident(builds, root) as of:
        await build(of, root)
        before = pids(of)
        write(root, {"tools/backend.py": IN_TREE.replace('    print("value"', f'{ONCE}    print("value"')})
        await build(of, root)
        assert len(pids(of)) == 1
        assert pids(of).isdisjoint(before)


async def test_a_zygote_that_does_not_answer_costs_one_timeout(builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "in the tree")
    async with resident(builds, root) as of:
        await build(of, root)
        (stopped,) = pids(of)
        os.kill(stopped, signal.SIGSTOP)
        assert (await failure(of, root, seconds=0.5)).kind is FailureKind.TIMEOUT
        await build(of, root)
        assert is_gone(stopped)


async def test_a_zygote_that_never_lives_is_no_resident_build(builds: Path, tmp_path: Path) -> None:
    root = own_backend(tmp_path / "p", "    os.kill(os.getppid(), 9)\n    time.sleep(600)")
    async with resident(builds, root) as of:
        with pytest.raises(NotResident, match="does not live"):
            await build(of, root)


async def test_a_zygote_that_has_grown_is_replaced(builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "in the tree")
    async with resident(builds, root, memory=1) as of:
        await build(of, root)
        (first,) = pids(of)
        await build(of, root)
        assert first not in pids(of)
        assert await anyio.to_thread.run_sync(wait_until_gone, first)


async def test_no_more_builds_run_at_once_than_there_are_cores(builds: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    text = f"""
    log = open({str(log)!r}, "a", 1)
    print("begin", file=log)
    subprocess.run([sys.executable, "-c", ""])
    print("end", file=log)
    sys.exit(3)
"""
    roots = [own_backend(tmp_path / name, text) for name in "abc"]
    async with resident(builds, tmp_path, cores=1) as of, anyio.create_task_group() as tasks:
        for root in roots:
            tasks.start_soon(failure, of, root)
    assert log.read_text().split() == ["begin", "end"] * 3


@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(rate=1)})], ids=["trio"])
async def test_a_zygote_ends_after_ten_idle_minutes(
    builds: Path, tmp_path: Path, anyio_backend: tuple[str, dict[str, MockClock]]
) -> None:
    root = project(tmp_path / "p", "in the tree")
    async with resident(builds, root) as of:
        await build(of, root)
        (zygote,) = pids(of)
        anyio_backend[1]["clock"].jump(599)
        await build(of, root)
        assert pids(of) == {zygote}
        anyio_backend[1]["clock"].jump(601)
        assert await anyio.to_thread.run_sync(wait_until_gone, zygote)
        assert pids(of) == set()
        await build(of, root)
        assert len(pids(of)) == 1


@pytest.mark.parametrize("anyio_backend", ["trio", "asyncio"])
async def test_an_error_beside_the_builds_goes_on_as_it_is(builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "in the tree")
    left = set[int]()

    async def fail() -> None:
        async with resident(builds, root) as of:
            await build(of, root)
            left.update(pids(of))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fail()
    assert len(left) == 1
    assert all(is_gone(pid) for pid in left)


async def test_a_broken_build_environment_is_made_anew(tmp_path: Path) -> None:
    root, directory = project(tmp_path / "p", "flit"), tmp_path / "builds"
    async with resident(directory, root) as of:
        await build(of, root)
    (module,) = directory.glob("*/lib/python*/site-packages/flit_core/wheel.py")
    module.unlink()
    async with resident(directory, root) as of:
        await build(of, root)
        await of.build_wheel(str(root), out_dir=str(tmp_path), python=PYTHON, timeout=60, renew=True)
    assert len([path for path in directory.iterdir() if path.is_dir()]) == 3


DAEMON = """
import sys
import tempfile
from pathlib import Path
import anyio
sys.path.insert(0, {tests!r})
import test_resident as t

def say(line):
    print(line, flush=True)

async def main():
    async with t.resident(Path({builds!r}), Path({root!r})) as of:
        await of.build_wheel({root!r}, out_dir={root!r}, python=t.PYTHON, timeout=600, on_line=say)

anyio.run(main)
"""


@contextlib.contextmanager
def running(code: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    environ = {**ENVIRON, "PYTHONPATH": os.pathsep.join(sys.path)}
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        yield process, process.stdout


async def test_kill_9_of_the_daemon_leaves_no_zygote_and_no_hook(builds: Path, tmp_path: Path) -> None:
    root = own_backend(tmp_path / "p", HANG)
    code = DAEMON.format(tests=str(Path(__file__).parent), builds=str(builds), root=str(root))
    with running(code) as (daemon, lines):
        left = pids_of([next(line for line in lines if line.startswith("pids"))])
        assert not any(is_gone(pid) for pid in left)
        daemon.kill()
    assert all([await anyio.to_thread.run_sync(wait_until_gone, pid) for pid in left])
