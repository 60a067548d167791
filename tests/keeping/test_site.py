"""Where a site keeps what was learned, and which settings it refuses."""

from dataclasses import replace

import pytest

from uvwatch.errors import Fatal
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.roster import Roster
from uvwatch.keeping.site import find_site, for_once


@pytest.mark.anyio
async def test_a_command_that_ends_keeps_nothing_where_uv_is_to_keep_no_cache(keeper: Keeper) -> None:
    for option in ("--no-cache", "--no-cache-dir", "-n"):
        site = replace(keeper.site, config=replace(keeper.site.config, sync_args=("--no-dev", option)))

        assert not for_once(site).store.keeps
        assert for_once(site).environ["UV_NO_CACHE"] == "1"
    assert for_once(keeper.site) is keeper.site


@pytest.mark.anyio
async def test_the_absolute_path_of_an_artifact_is_refused_with_the_one_to_write(keeper: Keeper) -> None:
    root = keeper.site.workspace.root
    environ = {**keeper.site.environ, "UVWATCH_ARTIFACTS": f"/made {root}/src/made"}

    with pytest.raises(Fatal, match=rf'must be relative to the project: "src/made", not "{root}/src/made"$'):
        find_site(replace(keeper.site.request, environ=environ))


@pytest.mark.anyio
async def test_a_name_that_nothing_has_is_told_with_the_setting_that_has_it(keeper: Keeper) -> None:
    config = replace(keeper.site.config, packages=("nobody",))

    with pytest.raises(
        Fatal,
        match=r"pyproject\.toml: tool\.uvwatch\.packages: no local distribution nobody",
    ):
        await Roster(replace(keeper.site, config=config), lambda _line: None).open()
