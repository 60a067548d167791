"""What a site's updates wait for: an environment of a real project that is there, and not to be looked at."""

import pytest

from uvwatch.keeping.busy import Busy
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.roster import Roster


@pytest.mark.anyio
async def test_an_environment_that_cannot_be_looked_at_counts_as_one_that_is_being_made(keeper: Keeper) -> None:
    roster = Roster(keeper.site, print)
    roster.keepers[keeper.name] = keeper
    busy = Busy(roster)
    assert not busy.is_busy()
    # As another user's; this one even root cannot look at.
    config = keeper.env.prefix / "pyvenv.cfg"
    config.unlink()
    config.symlink_to("x" * 256)

    assert busy.is_busy()
