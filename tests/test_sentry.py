"""A sentry of a real project, with real watchers, on what is said to be a file system without events."""

import os
import shutil
from pathlib import Path

import anyio
import pytest

from tests.keeping.conftest import make_site
from uvwatch.core.model import Event, Warned, WarningCode
from uvwatch.inbox import Hints, Inbox
from uvwatch.keeping.workshop import Workshop
from uvwatch.pipeline import Pipeline
from uvwatch.sentry import Sentry

PATIENCE = 30


async def hint_of(inbox: Inbox, path: str) -> None:
    """Wait until a look at the path is asked for."""
    with anyio.fail_after(PATIENCE):
        hints = inbox.take()
        while path not in hints.paths:
            await inbox.wait()
            hints = inbox.take()


def mounts_with(directory: Path, kind: str) -> str:
    """A mountinfo that has a file system of this kind there."""
    return f"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 0:40 / {directory.resolve()} rw - {kind} there rw\n"


@pytest.mark.anyio
async def test_a_tree_on_a_file_system_without_events_is_polled_and_that_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    # The directory that a project was installed from may be named by way of a symbolic link.
    link = tmp_path / "link"
    link.symlink_to("real")
    site = make_site(link)
    outside = tmp_path / "outside.css"
    outside.write_text("a {}\n", encoding="utf-8")
    os.utime(outside, (0, 0))  # polling compares whole seconds
    os.link(outside, link / "src" / "pkg" / "a.css")
    told: list[Event] = []
    inbox = Inbox()
    pipeline = Pipeline(site, told.append, Workshop(site))
    await pipeline.roster.open()

    async with Sentry(pipeline, inbox, mountinfo=lambda: mounts_with(tmp_path, "9p")) as sentry:
        for _ in range(3):
            await sentry.arm()
        # A write through another name sends no event to who watches the directory of the first: only polling sees it.
        outside.write_text("a { color: red }\n", encoding="utf-8")
        await hint_of(inbox, f"{link}/src/pkg/a.css")
        await sentry.arm()

    [warning] = told
    assert isinstance(warning, Warned)
    assert warning.code is WarningCode.POLLING
    assert warning.message == f"{link} lies on a file system that sends no events (9p): it is polled"


@pytest.mark.anyio
async def test_a_directory_that_cannot_be_watched_is_not_looked_for_again_and_again(tmp_path: Path) -> None:
    site = make_site(tmp_path / "project")
    outside = tmp_path / os.fsdecode(b"caf\xe9")
    outside.mkdir()
    (outside / "a.css").write_text("a {}\n", encoding="utf-8")
    package = tmp_path / "project" / "src" / "pkg"
    (package / "a.css").symlink_to(outside / "a.css")
    inbox = Inbox()
    pipeline = Pipeline(site, lambda _event: None, Workshop(site))
    await pipeline.roster.open()
    async with Sentry(pipeline, inbox, mountinfo=lambda: mounts_with(tmp_path, "xfs")) as sentry:
        await sentry.arm()
        (package / "__init__.py").write_text("VALUE = 2\n", encoding="utf-8")
        with anyio.fail_after(PATIENCE):
            await inbox.wait()
        hints = inbox.take()
    assert hints.paths == {str(package / "__init__.py")}
    assert not hints.everything


@pytest.mark.anyio
async def test_a_tree_that_went_with_the_directories_above_it_is_awaited_at_the_nearest_that_is_left(
    tmp_path: Path,
) -> None:
    site = make_site(tmp_path / "above" / "between" / "project")
    inbox = Inbox()
    pipeline = Pipeline(site, lambda _event: None, Workshop(site))
    await pipeline.roster.open()
    async with Sentry(pipeline, inbox, mountinfo=lambda: mounts_with(tmp_path, "xfs")) as sentry:
        await sentry.arm()
        shutil.rmtree(tmp_path / "above")
        with anyio.fail_after(PATIENCE):
            await inbox.wait()
        for directory in (tmp_path / "above", tmp_path / "above" / "between"):
            await pipeline.look(Hints(everything=True))
            await sentry.arm()
            inbox.take()
            directory.mkdir()
            await hint_of(inbox, str(directory))


@pytest.mark.anyio
async def test_a_tree_on_a_local_disk_is_not_polled(tmp_path: Path) -> None:
    site = make_site(tmp_path / "project")
    told: list[Event] = []
    inbox = Inbox()
    pipeline = Pipeline(site, told.append, Workshop(site))
    await pipeline.roster.open()
    async with Sentry(pipeline, inbox, mountinfo=lambda: mounts_with(tmp_path, "xfs")) as sentry:
        await sentry.arm()
        (tmp_path / "project" / "src" / "pkg" / "__init__.py").write_text("VALUE = 2\n", encoding="utf-8")
        await hint_of(inbox, f"{tmp_path}/project/src/pkg/__init__.py")
    assert told == []
