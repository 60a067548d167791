"""Files that changed during every one of the last updates: an update's own consequence, which would never end.

It suspends them and says so. How many updates make a loop is for ``core.loops``.
"""

from collections.abc import Callable

from uvwatch.core.loops import LOOP, Recent
from uvwatch.core.model import Warned, WarningCode
from uvwatch.keeping.keeper import Keeper


class Loops:
    """What changed during the last updates of each distribution; ``warn`` is told of what is suspended."""

    def __init__(self, warn: Callable[[Warned], None]) -> None:
        self._warn = warn
        self._recent: dict[str, Recent] = {}

    def forget(self, keeper: Keeper) -> None:
        """The last update found nothing changed at its end."""
        self._recent.pop(keeper.name, None)

    def note(self, keeper: Keeper, now: float) -> None:
        """Suspend those of the paths not learned yet that keep changing; ``now`` in seconds of any monotonic clock."""
        recent = self._recent.get(keeper.name, Recent()).after(keeper.unlearned().paths, now)
        self._recent[keeper.name] = recent
        for loop in recent.loops():
            keeper.suspend(loop.path)
            self._warn(
                Warned(
                    code=WarningCode.LOOP,
                    distribution=keeper.name,
                    message=f"{loop.path} changed during each of the last {LOOP} updates, every {loop.every:.1f} s:"
                    " it is not followed any more",
                    remedy="name it in tool.uvwatch.ignore if it is no source; saving pyproject.toml, or a restart,"
                    " has it followed again",
                )
            )
