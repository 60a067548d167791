"""What a keeper learns, on a real project in a real environment."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.keeping.conftest import PYPROJECT, remove, write
from uvwatch.core.model import Content
from uvwatch.core.plan import Standing
from uvwatch.core.record import digest
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.site import find_site


@pytest.mark.anyio
async def test_a_tree_that_was_learned_is_fresh(keeper: Keeper) -> None:
    await keeper.learn(keeper.wheel_files(), keeper.contents)

    assert (await keeper.judge()).standing is Standing.FRESH


@pytest.mark.anyio
async def test_what_was_written_during_the_build_and_taken_back_is_not_learned(keeper: Keeper) -> None:
    read_by_the_backend = Content(digest(b"VALUE = 666\n"), executable=False)
    wheel = {**keeper.wheel_files(), "pkg/__init__.py": read_by_the_backend}

    await keeper.learn(wheel, keeper.contents, moved=frozenset({"src/pkg/__init__.py"}))

    assert (await keeper.judge()).standing is not Standing.FRESH


@pytest.mark.anyio
async def test_what_came_during_the_build_and_is_in_the_wheel_is_missed_when_it_goes(keeper: Keeper) -> None:
    snapshot = keeper.contents
    write(keeper, "src/pkg/new.css", "new")
    moved = frozenset((await keeper.look()).paths)
    wheel = {**keeper.wheel_files(), "pkg/new.css": Content(digest(b"new"), executable=False)}
    await keeper.learn(wheel, snapshot, moved=moved)

    remove(keeper, "src/pkg/new.css")
    await keeper.look()

    assert keeper.unlearned().removed == ("src/pkg/new.css",)


@pytest.mark.anyio
async def test_what_was_added_during_the_first_build_is_not_learned(keeper: Keeper) -> None:
    snapshot = keeper.contents
    write(keeper, "src/pkg/more.py", "MORE = 1\n")
    moved = frozenset((await keeper.look()).paths)

    await keeper.learn(keeper.wheel_files(), snapshot, moved=moved)

    assert keeper.unlearned().paths == ("src/pkg/more.py",)
    assert (await keeper.judge()).standing is not Standing.FRESH


@pytest.mark.anyio
async def test_settings_that_break_keep_the_last_good_rules(keeper: Keeper) -> None:
    before = keeper.rules
    write(keeper, "pyproject.toml", PYPROJECT + "[[[\n")

    batch = await keeper.look()

    assert batch.changed == ("pyproject.toml",)
    assert keeper.rules == before


@pytest.mark.anyio
async def test_a_members_settings_that_break_keep_the_last_good_rules_and_are_told_once(
    keeper: Keeper, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "dep"
    root.mkdir()
    member = Keeper(keeper.site, keeper.env, replace(keeper.distribution, name="dep", root=str(root)), ())
    write(member, "pyproject.toml", PYPROJECT + '[tool.uvwatch]\nartifacts = ["made"]\n')
    await member.look()
    before = member.rules
    write(member, "pyproject.toml", PYPROJECT + "[tool.uvwatch]\nartifacts = 3\n")

    batch = await member.look()
    member.forget_rules()

    assert batch.changed == ("pyproject.toml",)
    assert member.rules == before
    assert capsys.readouterr().out.count("tool.uvwatch.artifacts must be a list of strings") == 1


@pytest.mark.anyio
async def test_settings_that_change_bring_more_of_the_tree_into_view(keeper: Keeper) -> None:
    write(keeper, "dist/made.txt", "made")
    write(keeper, "pyproject.toml", PYPROJECT + '[tool.uvwatch]\nartifacts = ["dist"]\n')
    keeper.take(find_site(keeper.site.request))

    assert "dist/made.txt" in (await keeper.look()).added


def _links_that_lead_to_each_other(keeper: Keeper) -> Path:
    """Make files that nobody can open, not even root."""
    odd = Path(keeper.distribution.root, "src", "pkg", "odd")
    odd.mkdir()
    (odd / "a.css").symlink_to("b.css")
    (odd / "b.css").symlink_to("a.css")
    return odd


@pytest.mark.anyio
async def test_what_cannot_be_read_stays_known_when_another_directory_is_looked_at(keeper: Keeper) -> None:
    odd = _links_that_lead_to_each_other(keeper)
    await keeper.look()
    problems = set(keeper.problems)

    write(keeper, "src/pkg/new.py", "")
    batch = await keeper.look(keeper.concerned([f"{odd.parent}/new.py"]))

    assert any("cannot be read" in problem.what for problem in problems)
    assert set(keeper.problems) == problems
    assert batch.paths == ("src/pkg/new.py",)


@pytest.mark.anyio
async def test_a_full_look_at_an_unchanged_tree_finds_nothing(keeper: Keeper) -> None:
    before = keeper.contents

    assert not await keeper.look()
    assert keeper.contents == before
    write(keeper, "src/pkg/__init__.py", "VALUE = 2\n")
    assert (await keeper.look()).changed == ("src/pkg/__init__.py",)


@pytest.mark.anyio
async def test_a_distribution_without_a_pyproject_toml_is_patched_but_for_its_modules(keeper: Keeper) -> None:
    remove(keeper, "pyproject.toml")
    write(keeper, "src/pkg/a.css", "a")
    await keeper.look()
    wheel = {**keeper.wheel_files(), "pkg/a.css": keeper.contents["src/pkg/a.css"]}
    await keeper.learn(wheel, keeper.contents)
    write(keeper, "src/pkg/a.css", "b")
    await keeper.look()
    assert keeper.patch() == {"src/pkg/a.css": ("pkg/a.css",)}
    write(keeper, "src/pkg/__init__.py", "VALUE = 2\n")
    await keeper.look()
    assert keeper.patch() == {}


@pytest.mark.anyio
async def test_a_removal_has_the_time_of_the_directory_that_lost_the_file_or_of_the_nearest_that_is_left(
    keeper: Keeper,
) -> None:
    root = Path(keeper.distribution.root)
    for path in ("src/pkg/part/a.css", "src/pkg/part/b.css"):
        write(keeper, path, "a {}\n")
    await keeper.look()
    (root / "src/pkg/part/a.css").unlink()
    one = await keeper.look()
    assert one.removed == ("src/pkg/part/a.css",)
    assert keeper.changed_at(one) == (root / "src/pkg/part").stat().st_ctime_ns / 1e9
    shutil.rmtree(root / "src/pkg/part")
    other = await keeper.look()
    assert other.removed == ("src/pkg/part/b.css",)
    assert keeper.changed_at(other) == (root / "src/pkg").stat().st_ctime_ns / 1e9
