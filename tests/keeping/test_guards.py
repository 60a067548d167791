"""Which directories hold an installed copy, and which of its files are others than read: a real project's copy."""

import pytest

from tests.keeping.conftest import PYPROJECT, write
from uvwatch.keeping.guards import MOST, Guards
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.roster import Roster
from uvwatch.keeping.updating import reinstall
from uvwatch.project.environment import open_environment

pytestmark = pytest.mark.anyio


def guards_of(keeper: Keeper) -> Guards:
    roster = Roster(keeper.site, print)
    roster.keepers[keeper.name] = keeper
    return Guards(roster)


@pytest.fixture
async def with_script(keeper: Keeper) -> Keeper:
    """The same with a console script, which lies outside of site-packages, and a file deeper down."""
    write(keeper, "src/pkg/page.html", "page\n")
    write(keeper, "src/pkg/deep/page.html", "page\n")
    write(keeper, "pyproject.toml", PYPROJECT + '[project.scripts]\nsay = "pkg:say"\n')
    await keeper.look()
    await reinstall(keeper, editable=False, on_line=print)
    return keeper


async def test_the_directories_of_the_files_are_watched_scripts_included(with_script: Keeper) -> None:
    prefix, site = with_script.env.prefix, with_script.env.purelib
    held = {prefix / "bin", site / "pkg", site / "pkg" / "deep", site / with_script.distribution.dist_info}
    guards = guards_of(with_script)
    assert guards.directories() == {*map(str, held)}
    files = {prefix / "bin" / "say", site / "pkg" / "deep" / "page.html"}
    others = {prefix / "bin" / "python", site / "pkg" / "__pycache__", site / "pkg" / "foreign.db", site}
    named = {*map(str, files | held | others)}
    assert guards.concerning(named) == {*map(str, held)}  # what is as it was read is no news
    for path in files:
        path.rename(path.with_name("away"))
    assert guards.concerning(named) == {*map(str, files | held)}


async def test_a_dist_info_is_as_read_until_somebody_installs(keeper: Keeper) -> None:
    await keeper.read_installed()
    record = keeper.env.purelib / keeper.distribution.dist_info / "RECORD"
    guards = guards_of(keeper)
    assert guards.is_as_read(str(record))
    assert guards.is_as_read(str(record.parent))
    assert not guards.is_as_read(str(keeper.env.purelib / "other-1.0.dist-info" / "RECORD"))
    record.write_text(record.read_text())
    assert not guards.is_as_read(str(record))
    await keeper.read_installed()
    assert guards.is_as_read(str(record))
    record.unlink()
    assert not guards.is_as_read(str(record))


@pytest.mark.parametrize("gone", ["bin/say", "site/pkg/deep/page.html", "site/pkg/deep", "site/pkg"])
async def test_what_is_gone_is_seen_by_its_own_name_or_that_of_a_directory_above(
    with_script: Keeper, gone: str
) -> None:
    path = with_script.env.prefix / gone
    if gone.startswith("site/"):
        path = with_script.env.purelib / gone.removeprefix("site/")
    guards = guards_of(with_script)
    assert not guards.changed([str(path)], 0.0)
    path.rename(path.with_name("gone"))
    assert guards.changed([str(path)], 0.0)
    assert guards.changed(None, 0.0)
    beside = with_script.env.purelib / with_script.distribution.dist_info / "METADATA"
    assert not guards.changed([str(beside)], 0.0)


async def test_the_same_bytes_written_again_are_no_change_and_others_of_the_same_size_are(keeper: Keeper) -> None:
    path = keeper.env.purelib / "pkg" / "__init__.py"
    guards = guards_of(keeper)
    for text, differs in (("VALUE = 1\n", False), ("VALUE = 2\n", True)):
        path.unlink()
        path.write_text(text)
        assert guards.changed([str(path)], 0.0) is differs
    keeper.dirty = True  # it is known to be stale: nothing that is done to it makes it more so
    assert not guards.changed([str(path)], 0.0)


async def test_an_environment_made_again_by_another_python_has_its_copy_elsewhere(keeper: Keeper) -> None:
    guards = guards_of(keeper)
    before = guards.directories()
    old, config = keeper.env.purelib.parent, keeper.env.prefix / "pyvenv.cfg"
    old.rename(old.with_name("python3.99"))
    lines = [line for line in config.read_text().splitlines() if not line.startswith("version")]
    config.write_text("\n".join([*lines, "version_info = 3.99.0"]))
    env = open_environment(keeper.env.prefix)
    assert keeper.fits(env, keeper.distribution)
    await keeper.read_installed()
    assert guards.directories() == {path.replace(f"/{old.name}/", "/python3.99/") for path in before}
    assert not guards.changed(None, 0.0)


async def test_a_copy_in_too_many_directories_costs_no_watch(keeper: Keeper) -> None:
    first = await keeper.read_installed()
    record = keeper.env.purelib / keeper.distribution.dist_info / "RECORD"
    before, few = record.read_text(), len(guards_of(keeper).directories())
    rows = [f"pkg/d{number}/a,,\n" for number in range(MOST - few + 1)]
    for row in rows:
        path = keeper.env.purelib / row.partition(",")[0]
        path.parent.mkdir()
        path.write_text("")
    for added, watched in ((rows[1:], MOST), (rows, 0), ([], few)):
        record.write_text(before + "".join(added))
        copy = await keeper.read_installed()
        assert len(copy.files) == len(first.files) + len(added)
        assert len(guards_of(keeper).directories()) == watched
