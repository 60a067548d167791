"""In which mode each distribution is to be, and what is said when another command changed it.

It remembers flips for as long as the program runs; the rule itself is in ``core.mode``. How a mode is changed it does
not know.
"""

from collections.abc import Callable

from uvwatch.core import mode
from uvwatch.core.model import Warned, WarningCode
from uvwatch.keeping.editable import EditableKeeper
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.site import Site


class Modes:
    """The modes of one site's distributions."""

    def __init__(self, publish: Callable[[Warned], None]) -> None:
        self._publish = publish
        self._flips: dict[str, tuple[float, ...]] = {}
        self._flipped: dict[str, bool] = {}

    def wanted(self, keeper: Keeper, site: Site, *, now: float, ours: bool) -> bool:
        """Whether a distribution shall be editable; warns of a flip, once.

        Args:
            keeper: whose mode.
            site: the settings and the request that hold now.
            now: seconds of any monotonic clock.
            ours: whether uv has just installed for ourselves; then nobody else changed the mode.
        """
        name, there = keeper.name, keeper.distribution.editable
        recent = tuple(when for when in self._flips.get(name, ()) if when > now - mode.FLIP_WINDOW)
        chosen = mode.choose(
            now=there,
            first=keeper.first_seen_editable,
            asked=mode.asked_for(site.config.editable, requested=site.request.editable),
            recent_flips=0 if ours else len(recent),
        )
        if not chosen.flipped:
            self._flipped.pop(name, None)
            return chosen.editable
        if name in self._flipped:  # it was told, and put back in vain, or left
            return not there if self._flipped[name] else there
        if not ours:
            self._flips[name] = (*recent, now)
            self._flipped[name] = chosen.put_back
            self._publish(_warning(name, editable=there, put_back=chosen.put_back))
        return chosen.editable

    def changed(self, keeper: Keeper) -> None:
        """Take in that a distribution was just installed by ourselves: back in its mode, another flip is a new one."""
        if keeper.distribution.editable == keeper.first_seen_editable:
            self._flipped.pop(keeper.name, None)


def editable_warning(keeper: EditableKeeper) -> Warned:
    """What a user should know of an editable install."""
    return Warned(
        code=WarningCode.EDITABLE_INSTALL,
        distribution=keeper.name,
        message=f"{keeper.name} is installed editable: {keeper.form.value}",
        remedy="`uvwatch sync --no-editable` makes a real copy",
    )


def _warning(name: str, *, editable: bool, put_back: bool) -> Warned:
    what = f"another command made {name} {'editable' if editable else 'a copy'}"
    return Warned(
        code=WarningCode.EDITABLE_FLIP,
        distribution=name,
        message=f"{what}; it is put back" if put_back else f"{what}, again and again; it is left so",
        remedy="use `uv run --no-sync`, or set UV_NO_EDITABLE=1 for uv, or change the mode by"
        f" `uvwatch sync {'--editable' if editable else '--no-editable'}`",
    )
