"""Who keeps what is not installed for a moment."""

import pytest

from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.roster import Roster


@pytest.mark.anyio
async def test_a_distribution_that_is_not_there_for_a_moment_stays_known(keeper: Keeper) -> None:
    roster = Roster(keeper.site, lambda _line: None)
    await roster.adopt(keeper.env)
    before = roster.keepers["pkg"]
    await roster.adopt(keeper.env, ())

    assert not roster.keepers
    assert roster.known == {"pkg": before}

    await roster.adopt(keeper.env)
    assert roster.keepers == {"pkg": before}
