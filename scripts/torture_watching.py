"""Strains what watches: bursts, refills, directories in thousands, git, editors, odd names, limits, and all at once.

Each round has a project and a daemon of its own, without audits, so that only events can tell it anything; each step
ends with the tree and the installed copy compared byte for byte. Exit status: 0 all was well, 1 it was not. All rounds
together take more than an hour; each may be named alone.
"""

import argparse
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from torture_many import arriving, modules, passing
from torture_odd import odd, scarce, unreadable
from torture_rounds import append, burst, creep, git, nested, refill
from torture_tree import TortureError, make
from torture_trial import DEFAULT, SMALL, Size, Trial
from torture_walk import walk

ROUNDS: Mapping[str, Callable[[Trial], None]] = {
    each.__name__: each
    for each in (
        burst,
        refill,
        nested,
        arriving,
        passing,
        append,
        creep,
        git,
        odd,
        unreadable,
        scarce,
        modules,
        walk,
    )
}


def run(name: str, home: Path, size: Size, seed: int, patience: float) -> bool:
    """Run one round, print what was seen, and return whether all was well."""
    began = time.monotonic()
    place = make(home / name, size.pages)
    trial = Trial(place=place, size=size, chance=random.Random(f"{seed} {name}"), patience=patience)  # noqa: S311
    try:
        ROUNDS[name](trial)
    except TortureError as error:
        trial.faults.append(str(error))
    seen = [f"{trial.updates} updates in {trial.cycles} cycles", *trial.notes, f"{time.monotonic() - began:.0f} s"]
    print(f"{name}: {'FAILED' if trial.faults else 'ok'}: {'; '.join(seen)}", flush=True)
    for fault in trial.faults:
        print(f"  {fault}")
    return not trial.faults


def arguments(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/torture watching", description=__doc__)
    parser.add_argument("rounds", nargs="*", metavar="ROUND", help=f"of {', '.join(ROUNDS)}; all if none is named")
    parser.add_argument("--small", action="store_true", help="seconds a round")
    parser.add_argument("--files", type=int, help=f"in the burst ({DEFAULT.files})")
    parser.add_argument("--minutes", type=float, help=f"of the walk ({DEFAULT.walk / 60:g})")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--home", type=Path, help="an empty directory to work in and leave; a temporary one else")
    given = parser.parse_args(argv)
    if unknown := set(given.rounds).difference(ROUNDS):
        parser.error(f"no such round: {', '.join(sorted(unknown))}")
    return given


def main(argv: list[str]) -> int:
    """Run the rounds that were asked for."""
    given = arguments(argv)
    base = SMALL if given.small else DEFAULT
    size = replace(base, files=given.files or base.files, walk=60 * (given.minutes or base.walk / 60))
    patience = 60.0 if given.small else 60.0 + size.files / 500
    print(f"seed {given.seed}", flush=True)
    well = True
    with tempfile.TemporaryDirectory(prefix="uvwatch-torture-") as temporary:
        home = (given.home or Path(temporary)).resolve()
        for name in given.rounds or ROUNDS:
            well = run(name, home, size, given.seed, patience) and well
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
