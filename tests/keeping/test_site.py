"""Where a site keeps what was learned."""

from dataclasses import replace

import pytest

from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.site import for_once


@pytest.mark.anyio
async def test_a_command_that_ends_keeps_nothing_where_uv_is_to_keep_no_cache(keeper: Keeper) -> None:
    for option in ("--no-cache", "--no-cache-dir", "-n"):
        site = replace(keeper.site, config=replace(keeper.site.config, sync_args=("--no-dev", option)))

        assert not for_once(site).store.keeps
        assert for_once(site).environ["UV_NO_CACHE"] == "1"
    assert for_once(keeper.site) is keeper.site
