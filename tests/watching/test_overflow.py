"""More events than the kernel keeps, from real directories: none is lost without a doubt."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from uvwatch.watching.mailbox import Doubt
from uvwatch.watching.watcher import Watcher

pytestmark = pytest.mark.anyio


def burst(directory: Path, numbers: Iterable[int]) -> None:
    for number in numbers:
        (directory / f"f{number}").write_bytes(b"x")


async def test_a_burst_of_thirty_thousand_files_is_told_in_full_or_is_a_doubt(tmp_path: Path) -> None:
    async with Watcher() as watcher:
        await watcher.arm([str(tmp_path)], [])
        told: set[str] = set()
        done = anyio.Event()

        async def work() -> None:
            await anyio.to_thread.run_sync(burst, tmp_path, range(30_000))
            (tmp_path / "cookie").write_text("")
            done.set()

        doubted = False
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(work)
                async for item in watcher.hints:
                    if isinstance(item, Doubt):
                        doubted = True
                        break
                    told |= item.paths
                    if str(tmp_path / "cookie") in told:
                        break
                await done.wait()
        assert doubted or told >= {str(tmp_path / f"f{number}") for number in range(30_000)}


FROZEN = """
import sys
import trio
from uvwatch.watching.mailbox import Doubt
from uvwatch.watching.watcher import Watcher

async def main():
    async with Watcher() as watcher:
        await watcher.arm([sys.argv[1]], [])
        print("armed", flush=True)
        async for item in watcher.hints:
            print("doubt" if isinstance(item, Doubt) else "hint", flush=True)

trio.run(main)
"""


def test_events_about_two_files_that_overflowed_while_nobody_listened_are_a_doubt(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "b").write_text("")
    command = [sys.executable, "-c", FROZEN, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as frozen:
        try:
            assert frozen.stdout is not None
            assert frozen.stdout.readline() == "armed\n"
            # Just told of something, it looks at every step.
            (tmp_path / "cookie").write_text("")
            assert frozen.stdout.readline() in {"hint\n", "doubt\n"}
            frozen.send_signal(signal.SIGSTOP)
            os.waitpid(frozen.pid, os.WUNTRACED)
            with (tmp_path / "a").open("wb", buffering=0) as one, (tmp_path / "b").open("wb", buffering=0) as two:
                for _ in range(10_000):  # the kernel joins equal events in a row, so they alternate
                    one.write(b"x")
                    two.write(b"x")
            (tmp_path / "lost").write_text("")
            frozen.send_signal(signal.SIGCONT)
            told = iter(frozen.stdout.readline, "")
            assert "doubt\n" in itertools.islice(told, 10)
        finally:
            frozen.kill()
