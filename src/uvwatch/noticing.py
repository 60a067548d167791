"""What ``uvwatch init cache-keys`` proposes: the learned origins and the declared settings, brought to the integration.

It finds out what the wheel carries; how uv's keys are written it does not know.
"""

from collections.abc import Iterable
from pathlib import Path

from anyio import to_thread

from uvwatch.core.model import Distribution
from uvwatch.core.origins import NOTHING
from uvwatch.core.patterns import as_glob
from uvwatch.core.plan import name_some
from uvwatch.errors import Fatal
from uvwatch.integrations.cache_keys import Carried, propose
from uvwatch.integrations.proposal import Proposal
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.learning import learn_all
from uvwatch.keeping.refilling import generated_directories
from uvwatch.keeping.roster import Roster
from uvwatch.keeping.site import Request, declared_by, find_site
from uvwatch.keeping.workshop import Workshop
from uvwatch.project.backends import input_key
from uvwatch.project.pyproject import read_pyproject
from uvwatch.signals import stopped_by_signals


async def propose_cache_keys(request: Request) -> tuple[Proposal, ...]:
    """Propose the keys for the nearest project, else, or with ``--package``, for each distribution kept.

    Raises:
        Fatal: no copy is installed to learn from, or the build that it takes failed.
    """
    proposals: tuple[Proposal, ...] = ()
    async with stopped_by_signals() as stop:
        site = await to_thread.run_sync(find_site, request)
        async with Workshop(site) as workshop, site.locks.update():
            roster = Roster(site, lambda _line: None)
            await roster.open()
            roster.refuse_misplaced()
            keepers = tuple(roster.keepers.values())
            own = tuple(each for each in keepers if each.distribution.root == str(site.workspace.project))
            chosen = own if own and site.packages is None else keepers
            if not chosen:
                raise Fatal(f"nothing of this project is installed in {site.prefix}: run `uvwatch sync`")
            _refuse_editable(chosen)
            await learn_all(chosen, workshop)
            proposals = tuple(
                propose(Path(keeper.distribution.root, "pyproject.toml"), _carried(keeper)) for keeper in chosen
            )
    if stop.signal is not None:
        raise Fatal("stopped before it was known what the wheel carries", exit_code=128 + stop.signal)
    return proposals


def _refuse_editable(keepers: Iterable[Keeper]) -> None:
    """Refuse to make keys of an editable wheel, which carries none of the files that an ordinary one does."""
    names = [keeper.name for keeper in keepers if keeper.distribution.editable]
    if names:
        raise Fatal(
            f"{name_some(names)} {'is' if len(names) == 1 else 'are'} installed editable, which does not tell what a"
            " wheel carries: run `uvwatch sync --no-editable` first (`uvwatch sync --editable` puts it back)"
        )


def _carried(keeper: Keeper) -> Carried:
    root = Path(keeper.distribution.root)
    learned = keeper.learned
    origins = learned.origins if learned is not None else NOTHING
    named = (_directory(artifact.pattern) for artifact in keeper.rules.artifacts)
    generated = {path for path in named if path and not (root / path).is_file()}
    if learned is not None:
        generated |= {*generated_directories(str(root), learned, keeper.artifact_patterns)}
    return Carried(
        files=tuple(sorted(set(origins.of.values()))),
        packages=tuple(sorted(origins.packages())),
        generated=tuple(sorted(generated)),
        inputs=_inputs(keeper.distribution),
    )


def _directory(pattern: str) -> str:
    """The directory that a gitignore pattern names, ``""`` if it names none, or any of that name."""
    path = pattern.strip("/").removesuffix("/*").removesuffix("/**")
    return path if "/" in path and not any(character in path for character in "*?[!\\") else ""


def _inputs(distribution: Distribution) -> tuple[str, ...]:
    """The files there are that shape the wheel, but for those that are named by keys of the cache already."""
    root = Path(distribution.root)
    pyproject = read_pyproject(root / "pyproject.toml")
    patterns = (
        pattern
        for pattern in declared_by(distribution).build_inputs
        if not (input_key(pyproject, pattern) or "").startswith("tool.uv.cache-keys")
    )
    found = (path for pattern in patterns for path in root.glob(as_glob(pattern)) if path.is_file())
    return tuple(sorted({path.relative_to(root).as_posix() for path in found}))
