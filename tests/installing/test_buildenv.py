import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from uvwatch.errors import CycleFailed
from uvwatch.installing.buildenv import UNUSED, BuildEnvironment, BuildEnvironments, prune
from uvwatch.installing.uv import find_uv
from uvwatch.project.environment import Environment, open_environment

pytestmark = pytest.mark.anyio

UV = find_uv(os.environ)
ENVIRON = {name: os.environ[name] for name in ("PATH", "HOME", "UV_CACHE_DIR", "SSL_CERT_FILE") if name in os.environ}
DAY = 24 * 3600.0


@pytest.fixture
def python() -> Environment:
    return open_environment(Path(sys.prefix))


def environments(
    directory: Path, environ: Mapping[str, str] = ENVIRON, uv_tomls: tuple[Path, ...] = ()
) -> BuildEnvironments:
    return BuildEnvironments(directory, uv=UV, environ=environ, uv_tomls=uv_tomls)


def prefixes(directory: Path) -> set[Path]:
    return {path for path in directory.iterdir() if path.is_dir()}


def keys(directory: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in directory.iterdir() if path.is_file()}


def site_packages(found: BuildEnvironment) -> Path:
    return open_environment(found.prefix).purelib


def write(path: Path, text: str) -> None:
    path.write_text(text)


def dist_infos(found: BuildEnvironment) -> set[str]:
    return {path.name for path in site_packages(found).glob("*.dist-info")}


async def test_an_environment_is_made_once_and_holds_what_is_required(tmp_path: Path, python: Environment) -> None:
    lines: list[str] = []
    first = await environments(tmp_path).get(["flit_core"], python, timeout=60, on_line=lines.append)
    assert (site_packages(first) / "flit_core" / "buildapi.py").is_file()
    assert any("flit-core" in line for line in lines)
    lines.clear()
    assert await environments(tmp_path).get(["flit_core"], python, timeout=60, on_line=lines.append) == first
    assert lines == []
    assert prefixes(tmp_path) == {first.prefix}


async def test_two_that_want_the_same_one_at_once_get_the_same(tmp_path: Path, python: Environment) -> None:
    found: list[BuildEnvironment] = []

    async def want() -> None:
        found.append(await environments(tmp_path).get([], python, timeout=60))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(want)
    assert len({each.prefix for each in found}) == 1
    assert prefixes(tmp_path) == {found[0].prefix}


async def test_other_requirements_another_index_or_interpreter_are_another_environment(
    tmp_path: Path, python: Environment
) -> None:
    toml = tmp_path / "uv.toml"
    toml.write_text("offline = false")
    plain = environments(tmp_path)
    keys = {
        plain.key([], python),
        plain.key(["flit_core"], python),
        environments(tmp_path, {**ENVIRON, "UV_INDEX_URL": "https://example.org"}).key([], python),
        environments(tmp_path, uv_tomls=(toml,)).key([], python),
        plain.key([], replace(python, python=tmp_path / "python")),
        plain.key([], replace(python, python_version="3.99.0")),
    }
    assert len(keys) == 6
    assert environments(tmp_path, {**ENVIRON, "UV_LINK_MODE": "copy"}).key([], python) in keys


@pytest.mark.parametrize("harm", ["remove a file", "cut a file", "zero RECORD", "lose the interpreter", "empty it"])
async def test_a_broken_one_is_made_anew(harm: str, tmp_path: Path, python: Environment) -> None:
    builds = environments(tmp_path)
    first = await builds.get(["flit_core"], python, timeout=60)
    victim = site_packages(first) / "flit_core" / "wheel.py"
    if harm == "remove a file":
        victim.unlink()
    elif harm == "cut a file":
        victim.unlink()
        victim.write_text("half")
    elif harm == "zero RECORD":  # as a loss of power may leave it
        [record] = site_packages(first).glob("*.dist-info/RECORD")
        record.unlink()
        record.write_bytes(bytes(200_000))
    elif harm == "lose the interpreter":
        first.python.unlink()
    else:
        first.prefix.rename(tmp_path / "elsewhere")
    second = await builds.get(["flit_core"], python, timeout=60)
    assert second.prefix != first.prefix
    assert (site_packages(second) / "flit_core" / "wheel.py").stat().st_size > 1000
    assert builds.use(second)
    assert not builds.use(first)


async def test_one_that_does_not_do_is_replaced_and_left_to_those_who_run_in_it(
    tmp_path: Path, python: Environment
) -> None:
    builds = environments(tmp_path)
    first = await builds.get([], python, timeout=60)
    second = await builds.get([], python, timeout=60, other_than=first.prefix)
    assert prefixes(tmp_path) == {first.prefix, second.prefix}
    assert await builds.get([], python, timeout=60) == second
    assert prune(tmp_path, time.time()) == ()
    assert prune(tmp_path, time.time() + 2 * DAY) == (first.prefix.name,)
    assert builds.use(second)


async def test_what_cannot_be_had_leaves_nothing_behind(tmp_path: Path, python: Environment) -> None:
    offline = environments(tmp_path, {**ENVIRON, "UV_OFFLINE": "1"})
    with pytest.raises(CycleFailed):
        await offline.get(["flit_core==0.0.0.dev999"], python, timeout=60)
    assert prefixes(tmp_path) == set()


async def test_a_cancelled_one_leaves_nothing_behind(tmp_path: Path, python: Environment) -> None:
    with anyio.CancelScope() as scope:
        await environments(tmp_path).get(["flit_core"], python, timeout=60, on_line=lambda _line: scope.cancel())
    assert scope.cancelled_caught
    assert prefixes(tmp_path) == set()


async def test_settings_of_the_users_own_environment_do_not_count(tmp_path: Path, python: Environment) -> None:
    write(tmp_path / "c.txt", "flit_core<3")
    own = {"VIRTUAL_ENV": "/nowhere", "UV_CONSTRAINT": str(tmp_path / "c.txt"), "UV_PYTHON": "2.7", "UV_VENV_SEED": "1"}
    found = await environments(tmp_path / "builds", {**ENVIRON, **own}).get(["flit_core"], python, timeout=60)
    (installed,) = dist_infos(found)
    assert int(installed.removeprefix("flit_core-").partition(".")[0]) >= 3


async def test_what_was_not_used_for_30_days_is_removed(tmp_path: Path, python: Environment) -> None:
    builds = environments(tmp_path)
    old = await builds.get([], python, timeout=60)
    used = await environments(tmp_path, {**ENVIRON, "UV_INDEX": "https://example.org"}).get([], python, timeout=60)
    now = time.time()
    os.utime(tmp_path / old.key, (now - UNUSED - 60, now - UNUSED - 60))
    assert prune(tmp_path, now) == (old.prefix.name,)
    assert prefixes(tmp_path) == {used.prefix}
    assert keys(tmp_path) == {used.key}
    assert prune(tmp_path, now) == ()
    assert prune(tmp_path / "nothing", now) == ()


async def test_a_use_counts_from_now(tmp_path: Path, python: Environment) -> None:
    builds = environments(tmp_path)
    found = await builds.get([], python, timeout=60)
    os.utime(tmp_path / found.key, (0, 0))
    assert builds.use(found)
    assert prune(tmp_path, time.time()) == ()


async def test_what_cannot_be_removed_stays_and_is_nobodys_trouble(tmp_path: Path) -> None:
    (tmp_path / "a.lock").mkdir()
    write(tmp_path / "a", "a-1")
    write(tmp_path / "b", "\xff")
    (tmp_path / "c").mkdir()
    old = tmp_path / "d-1"
    old.mkdir()
    assert prune(tmp_path, time.time()) == ("d-1",)
    assert prune(tmp_path / "a", time.time()) == ()
