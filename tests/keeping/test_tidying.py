"""What a build leaves in a tree, and what somebody else wrote there meanwhile."""

from pathlib import Path

import anyio
import pytest

from tests.keeping.conftest import write
from uvwatch.core.model import WarningCode
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.tidying import leftover_warning, tidied


@pytest.mark.anyio
async def test_what_came_beside_a_build_outside_of_the_packages_stays_where_it_is(keeper: Keeper) -> None:
    root = Path(keeper.distribution.root)
    await anyio.run_process(["git", "init", "--quiet", str(root)])
    write(keeper, ".gitignore", "made.*\n/target/\n/db.sqlite3\n")
    async with tidied(keeper):
        write(keeper, "src/pkg/made.py", "by the build")
        write(keeper, "target/object.o", "by its compiler, for the next build")
        write(keeper, "db.sqlite3", "by manage.py migrate")
    assert (root / "target/object.o").exists()
    assert (root / "db.sqlite3").exists()
    assert not (root / "src/pkg/made.py").exists()
    assert (keeper.env.prefix / ".uvwatch/left-by-builds/pkg/src/pkg/made.py").read_text("utf-8") == "by the build"


def test_what_would_have_come_back_in_the_wheel_is_named() -> None:
    warning = leftover_warning("app", ["app/a.py", "app/gone.py"], {"app/a.py"})

    assert warning is not None
    assert (warning.code, warning.distribution) == (WarningCode.LEFTOVER_BUILD, "app")
    assert "(app/gone.py)" in warning.message


def test_copies_of_what_is_still_in_the_wheel_are_not_worth_a_word() -> None:
    assert leftover_warning("app", ["app/a.py"], {"app/a.py", "app/b.py"}) is None
