"""Real watchers on real directories; a wait ends with the event of what was waited for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from uvwatch.core.rules import Rules
from uvwatch.core.watchplan import WatchPlan, plan
from uvwatch.watching.instance import Instance, WatchLimit
from uvwatch.watching.mailbox import Doubt, Hint
from uvwatch.watching.places import places
from uvwatch.watching.scan import scan
from uvwatch.watching.tree import Tree, difference
from uvwatch.watching.watcher import Watcher

pytestmark = pytest.mark.anyio


def odd(directory: Path) -> Path:
    """A path in ``directory`` whose name is not UTF-8."""
    return Path(os.fsdecode(os.fsencode(directory) + b"/caf\xe9"))


async def until(watcher: Watcher, *paths: Path) -> list[Hint | Doubt]:
    """Everything told until each of the paths was, or a doubt."""
    missing = {str(path) for path in paths}
    told = []
    with anyio.fail_after(10):
        async for item in watcher.hints:
            told.append(item)
            if isinstance(item, Doubt):
                break
            missing -= item.paths
            if not missing:
                break
    return told


async def until_doubt(watcher: Watcher) -> str:
    with anyio.fail_after(10):
        async for item in watcher.hints:
            if isinstance(item, Doubt):
                return item.reason
    raise AssertionError("the hints ended")


class Recorder:
    """Arms, and remembers what: the paths, and whether by polling."""

    def __init__(self) -> None:
        self.opened: list[tuple[tuple[str, ...], bool]] = []

    def __call__(self, paths: Sequence[str], *, recursive: bool, polling: bool) -> Instance:
        self.opened.append((tuple(paths), polling))
        return Instance(paths, recursive=recursive, polling=polling)


async def test_a_change_after_arming_is_told(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    async with Watcher() as watcher:
        await watcher.arm([str(tmp_path)], [])
        assert watcher.armed == WatchPlan(recursive=(str(tmp_path),))
        (tmp_path / "deep" / "a").write_text("a")
        assert [type(item) for item in await until(watcher, tmp_path / "deep" / "a")] == [Hint]


async def test_a_single_watch_tells_of_its_directory_alone(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    async with Watcher() as watcher:
        await watcher.arm([], [str(tmp_path)])
        (tmp_path / "deep" / "a").write_text("a")
        (tmp_path / "cookie").write_text("")
        told = await until(watcher, tmp_path / "cookie")
        assert not any(str(tmp_path / "deep" / "a") in item.paths for item in told if isinstance(item, Hint))


async def test_a_file_that_is_rewritten_without_end_is_told_again_and_again(tmp_path: Path) -> None:
    async with Watcher() as watcher:
        await watcher.arm([str(tmp_path)], [])
        for number in range(3):
            (tmp_path / "a").write_text(str(number))
            assert await until(watcher, tmp_path / "a")


async def test_polling_tells_too(tmp_path: Path) -> None:
    async with Watcher(polling=True) as watcher:
        await watcher.arm([str(tmp_path)], [])
        (tmp_path / "a").write_text("a")
        assert await until(watcher, tmp_path / "a")


async def test_what_is_not_there_is_told_and_the_rest_is_armed(tmp_path: Path) -> None:
    async with Watcher() as watcher:
        await watcher.arm([], [str(tmp_path), str(tmp_path / "missing")])
        assert await until(watcher, tmp_path / "missing") == [Hint(paths=frozenset({str(tmp_path / "missing")}))]
        assert watcher.armed.single == (str(tmp_path),)


async def test_nothing_that_stays_is_armed_again(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    recorder = Recorder()
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    async with Watcher(opener=recorder) as watcher:
        await watcher.follow(WatchPlan(single=(a,)))
        await watcher.follow(WatchPlan(single=(a, b)))
        await watcher.follow(WatchPlan(single=(b,)))
        assert recorder.opened == [((a,), False), ((b,), False)]
        assert watcher.armed == WatchPlan(single=(b,))
        (tmp_path / "b" / "x").write_text("")
        assert await until(watcher, tmp_path / "b" / "x")


async def test_what_is_polled_stays_polled_and_is_not_armed_twice(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    recorder = Recorder()
    fast, slow = WatchPlan(single=(str(tmp_path / "a"),)), WatchPlan(recursive=(str(tmp_path / "b"),))
    async with Watcher(opener=recorder) as watcher:
        for _ in range(2):
            await watcher.follow(fast, polled=slow)
        assert recorder.opened == [((str(tmp_path / "b"),), True), ((str(tmp_path / "a"),), False)]


async def test_there_are_never_more_instances_than_allowed_and_all_of_them_are_heard(tmp_path: Path) -> None:
    directories = [tmp_path / str(number) for number in range(12)]
    async with Watcher(limit=4) as watcher:
        for directory in directories:
            directory.mkdir()
            await watcher.arm([], [str(directory)])
            assert watcher.instances <= 4
        assert watcher.armed.single == tuple(sorted(map(str, directories)))
        for directory in directories:
            (directory / "x").write_text("")
        assert await until(watcher, *(directory / "x" for directory in directories))


async def test_a_merge_leaves_one_instance_and_loses_nothing_that_happened_before_or_after(tmp_path: Path) -> None:
    directories = [tmp_path / str(number) for number in range(3)]
    async with Watcher() as watcher:
        for directory in directories:
            directory.mkdir()
            await watcher.arm([], [str(directory)])
        for directory in directories:
            (directory / "before").write_text("")
        await watcher.merge()
        assert watcher.instances == 1
        for directory in directories:
            (directory / "after").write_text("")
        assert await until(watcher, *(directory / name for directory in directories for name in ("before", "after")))


async def test_what_was_released_is_given_up_by_a_merge(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.mkdir()
    b.mkdir()
    recorder = Recorder()
    async with Watcher(opener=recorder) as watcher:
        await watcher.arm([], [str(a), str(b)])
        watcher.release(WatchPlan(single=(str(a),)))
        await watcher.merge()
        await watcher.merge()
        assert recorder.opened == [((str(a), str(b)), False), ((str(b),), False)]
        assert watcher.instances == 1


async def test_a_watched_directory_that_is_made_anew_is_not_taken_for_watched(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    wanted = WatchPlan(single=(str(tmp_path), str(inner)))
    async with Watcher() as watcher:
        await watcher.follow(wanted)
        shutil.rmtree(inner)
        inner.mkdir()
        (tmp_path / "cookie").write_text("")
        assert [type(item) for item in await until(watcher, tmp_path / "cookie")][-1] is Hint
        assert watcher.armed == WatchPlan(single=(str(tmp_path),))
        await watcher.follow(wanted)
        (inner / "x").write_text("")
        assert await until(watcher, inner / "x")


async def test_a_lost_root_that_nobody_else_would_tell_of_is_a_doubt(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    async with Watcher() as watcher:
        await watcher.arm([str(root)], [])
        root.rmdir()
        assert str(root) in await until_doubt(watcher)
        assert watcher.armed == WatchPlan()


async def test_a_name_that_is_not_utf8_is_a_doubt_and_what_comes_after_it_is_told(tmp_path: Path) -> None:
    async with Watcher() as watcher:
        await watcher.arm([str(tmp_path)], [])
        odd(tmp_path).touch()
        assert "decode" in await until_doubt(watcher)
        assert watcher.armed == WatchPlan(recursive=(str(tmp_path),))
        (tmp_path / "a").write_text("a")
        assert await until(watcher, tmp_path / "a")


async def test_a_directory_whose_own_name_is_not_utf8_is_a_doubt_and_the_rest_is_armed(tmp_path: Path) -> None:
    odd(tmp_path).mkdir()
    (tmp_path / "a").mkdir()
    async with Watcher() as watcher:
        await watcher.arm([], [str(odd(tmp_path)), str(tmp_path / "a")])
        assert "UTF-8" in await until_doubt(watcher)
        assert watcher.armed == WatchPlan(single=(str(tmp_path / "a"),))


class Scarce:
    """Arms by polling, and by events no more than so many times."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed

    def __call__(self, paths: Sequence[str], *, recursive: bool, polling: bool) -> Instance:
        if not polling:
            if not self.allowed:
                raise WatchLimit(len(paths), "fs.inotify.max_user_watches")
            self.allowed -= 1
        return Instance(paths, recursive=recursive, polling=polling)


async def test_where_the_system_allows_no_more_the_caller_is_told_how_many_and_can_poll(tmp_path: Path) -> None:
    async with Watcher(opener=Scarce(0)) as watcher:
        with pytest.raises(WatchLimit, match=r"raise fs\.inotify\.max_user_watches") as raised:
            await watcher.arm([], [str(tmp_path)])
        assert raised.value.needed == 1
        await watcher.arm([], [str(tmp_path)], polling=True)
        (tmp_path / "a").write_text("a")
        assert await until(watcher, tmp_path / "a")


async def test_a_merge_for_which_there_are_no_watches_leaves_all_as_it_is(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    async with Watcher(opener=Scarce(2)) as watcher:
        await watcher.arm([], [str(tmp_path / "a")])
        await watcher.arm([], [str(tmp_path / "b")])
        await watcher.merge()
        for name in ("a", "b"):
            (tmp_path / name / "x").write_text("")
        assert await until(watcher, tmp_path / "a" / "x", tmp_path / "b" / "x")


async def test_a_broken_instance_that_cannot_be_replaced_is_polled_instead(tmp_path: Path) -> None:
    async with Watcher(opener=Scarce(1)) as watcher:
        await watcher.arm([], [str(tmp_path)])
        odd(tmp_path).touch()
        await until_doubt(watcher)
        assert "max_user_watches" in watcher.fallen_back
        (tmp_path / "a").write_text("a")
        assert await until(watcher, tmp_path / "a")


LEAVING = """
import sys
import trio
from uvwatch.watching.watcher import Watcher

async def main():
    async with Watcher() as watcher:
        await watcher.arm([sys.argv[1]], [])
        await watcher.arm([], [sys.argv[1]])
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(aiter(watcher.hints))

trio.run(main)
"""


def test_a_process_that_watched_ends_well(tmp_path: Path) -> None:
    for _ in range(3):
        ended = subprocess.run(
            [sys.executable, "-c", LEAVING, str(tmp_path)], capture_output=True, text=True, check=False, timeout=20
        )
        assert (ended.returncode, ended.stderr) == (0, "")


async def test_a_cancelled_owner_ends_at_once(tmp_path: Path) -> None:
    with anyio.fail_after(2), anyio.CancelScope() as scope:
        async with Watcher() as watcher:
            await watcher.arm([str(tmp_path)], [])
            scope.cancel()
            await until(watcher, tmp_path / "never")
    assert scope.cancelled_caught


class Follower:
    """What an owner of a watcher does: it scans what hints name, and watches what the scan found."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.tree = Tree()
        self.seen: set[str] = set()

    async def follow(self, watcher: Watcher) -> None:
        """Never ends."""
        await self._look(watcher, scan(self.root, Rules()))
        async for item in watcher.hints:
            if isinstance(item, Doubt):
                await self._look(watcher, scan(self.root, Rules()))
                continue
            found = places(self.root, self.tree, item.paths)
            # A directory may be filled while the watch on it is armed: look once more when it is.
            for _ in range(2):
                after = scan(self.root, Rules(), before=self.tree, only=found.only, whole=found.whole)
                await self._look(watcher, after)

    async def _look(self, watcher: Watcher, tree: Tree) -> None:
        new = set(tree.directories).difference(self.tree.directories)
        self.seen.update(difference(self.tree, tree).added)
        self.tree = tree
        around = WatchPlan(single=(self.root, str(Path(self.root).parent)))
        wanted = plan(tree.directories).under(self.root)
        await watcher.follow(WatchPlan(recursive=wanted.recursive, single=(*wanted.single, *around.single)))
        if new:
            await self._look(watcher, scan(self.root, Rules(), before=tree, only=(), whole=new))


@pytest.mark.parametrize("excluded", [False, True])
async def test_new_nested_directories_lose_no_file_once_hints_are_followed_by_scans(
    tmp_path: Path, *, excluded: bool
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    if excluded:
        (root / ".git").mkdir()  # so that the root is watched singly
    follower = Follower(root)
    expected = set()
    async with Watcher() as watcher, anyio.create_task_group() as tasks:
        tasks.start_soon(follower.follow, watcher)
        for number in range(15):
            deep = root / str(number) / "a" / "b" / "c"
            deep.mkdir(parents=True)
            for name in range(20):
                (deep / str(name)).write_text("")
                expected.add(f"{number}/a/b/c/{name}")
            await anyio.lowlevel.checkpoint()
        with anyio.fail_after(20):
            while not follower.seen >= expected:
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert follower.seen >= expected


async def test_a_root_that_was_removed_and_made_again_is_followed_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    follower = Follower(root)
    async with Watcher() as watcher, anyio.create_task_group() as tasks:
        tasks.start_soon(follower.follow, watcher)
        with anyio.fail_after(20):
            for number in range(3):
                (root / f"f{number}").write_text("")
                while f"f{number}" not in follower.seen:
                    await anyio.lowlevel.checkpoint()
                shutil.rmtree(root)
                root.mkdir()
        tasks.cancel_scope.cancel()
    assert follower.seen == {"f0", "f1", "f2"}
