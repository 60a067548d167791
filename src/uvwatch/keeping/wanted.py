"""What a client's wishes make of a site for one cycle: which distributions, in which mode, by which settings.

It knows requests and settings. It changes nothing, and must not know how a cycle runs.
"""

from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name

from uvwatch.core.config import KEYS
from uvwatch.errors import Fatal
from uvwatch.keeping.site import Site, find_again
from uvwatch.project.environment import NoEnvironment, open_environment
from uvwatch.project.installed import local_distributions, select
from uvwatch.serving.protocol import Wishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How the cycle is to run.

    Attributes:
        site: the daemon's own where nothing is to be different.
        only: the names of the distributions that are meant, None for all.
        forced: whether there is something to do although nothing changed.
    """

    site: Site
    only: frozenset[str] | None = None
    forced: bool = False


def wanted_by(wishes: Wishes, site: Site) -> Wanted:
    """Find out what a client wants of the daemon that works by ``site``.

    Raises:
        Fatal: a setting that is none, a value that cannot be, or a distribution that is not installed.
    """
    unknown = sorted(wishes.options.keys() - {key.field for key in KEYS if key.scalar})
    if unknown:
        raise Fatal(f"{unknown[0]} is not the name of a setting with a single value")
    names = None if wishes.packages is None else tuple(str(canonicalize_name(name)) for name in wishes.packages)
    packages = _packages(names, site)
    request = replace(
        site.request,
        packages=packages,
        reinstall=wishes.reinstall,
        editable=wishes.editable,
        options={**site.request.options, **wishes.options},
    )
    if request != site.request:
        forced = wishes.reinstall or wishes.editable is not None or packages != site.request.packages
        wanted = Wanted(site=find_again(replace(site, request=request)), forced=forced)
    else:
        wanted = Wanted(site=site)
    if names is None:
        return wanted
    _require(names, site)
    return replace(wanted, only=frozenset(names))


def _packages(names: tuple[str, ...] | None, site: Site) -> tuple[str, ...] | None:
    """The distributions to keep meanwhile: no keeper is let go whose distribution is not meant."""
    if names is None:
        return None
    kept = site.packages
    if kept is None or {*names} <= {*kept}:
        return site.request.packages
    return tuple(sorted({*kept, *names}))


def _require(names: tuple[str, ...], site: Site) -> None:
    try:
        found = local_distributions(open_environment(site.prefix))
    except NoEnvironment:
        return  # the cycle makes it, or says why not
    if found:
        select(found, names)
