"""After random edits the copy that ``uvwatch sync`` leaves equals the one that uv makes of the same tree.

Each sequence has a tree and two environments of its own: ``.venv`` is kept by uvwatch, the reference is made fresh by
uv's targeted reinstall. A sequence depends on the seed and its own number only.
"""

import argparse
import json
import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uv
from demo_stage import DemoError, Stage, prepare
from torture_copy import differences, read
from torture_edits import METADATA, Edit, apply, choose, look

COMMAND = Path(sys.executable).with_name("uvwatch")
NAME = "myapp"
REINSTALL = f"sync --frozen --inexact --no-editable --only-install-package {NAME} --reinstall-package {NAME}".split()

HINDERING = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "UV_NO_EDITABLE", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV")
"""Variables of the caller that would make another environment, another copy or no bytecode."""


class Mismatch(Exception):
    """The two copies are not equal, or a command failed; the message says how."""


@dataclass(slots=True)
class Tally:
    """How often each action was taken, and each kind of edit was made."""

    actions: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)


def forget_the_callers() -> None:
    """Clear the variables of the caller that would change what is seen."""
    for name in HINDERING:
        os.environ.pop(name, None)


def run(stage: Stage, *argv: str | Path, further: Mapping[str, str] | None = None) -> str:
    """Run a command in the tree and return its stdout.

    Raises:
        Mismatch: it failed.
    """
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=stage.project,
        env={**os.environ, **(further or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        command = " ".join(str(word) for word in argv)
        raise Mismatch(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def refresh(stage: Stage) -> str:
    """Have uvwatch make its copy fresh; return the action that it took."""
    cycle = json.loads(run(stage, COMMAND, "sync", "--json"))
    (told,) = (each for each in cycle["distributions"] if each["name"] == NAME)
    return str(told["action"])


def compare(stage: Stage, reference: Path, *, lock: bool) -> None:
    """Have uv make the other copy, and compare.

    Raises:
        Mismatch: the copies differ, or uv sees work to be done in uvwatch's environment.
    """
    uv_command = uv.find_uv_bin()
    run(stage, uv_command, *REINSTALL, further={"UV_PROJECT_ENVIRONMENT": str(reference)})
    try:
        found = differences(read(stage.project / ".venv", NAME), read(reference, NAME))
    except (FileNotFoundError, ValueError) as error:
        raise Mismatch(f"a copy is not whole: {error}") from error
    if found:
        raise Mismatch("\n".join(found))
    if lock:
        run(stage, uv_command, "lock")
    run(stage, uv_command, "sync", "--frozen", "--no-editable", "--check")


def sequence(home: Path, source: random.Random, edits: int, tally: Tally, done: list[Edit]) -> list[str]:
    """Make a tree, edit it and compare after each edit; return the actions.

    Args:
        home: where the tree and its environments are made.
        source: decides the edits.
        edits: how many.
        tally: what is counted.
        done: filled with the edits as they are made, the last one being at fault if there is one.

    Raises:
        Mismatch: after the last edit of ``done`` the copies differ.
    """
    # The two paths are equally long: a console script begins in another way where its interpreter's path is too long.
    stage, reference = Stage(home=home / "ours"), home / "uv" / "reference" / ".venv"
    prepare(stage)
    run(stage, uv.find_uv_bin(), "sync", "--no-editable", further={"UV_PROJECT_ENVIRONMENT": str(reference)})
    actions: list[str] = []
    for number in range(edits):
        edit = choose(source, look(stage.project), number)
        done.append(edit)
        apply(edit, stage.project)
        actions.append(refresh(stage))
        tally.actions[actions[-1]] += 1
        tally.kinds[edit.kind.value] += 1
        compare(stage, reference, lock=edit.kind in METADATA)
    return actions


def torture(*, sequences: int, first: int, edits: int, seed: int) -> int:
    """Run the sequences, print what was done, and return the exit status: 1 for a mismatch."""
    print(f"seed {seed}, {sequences} sequences of {edits} edits", flush=True)
    tally = Tally()
    for number in range(first, first + sequences):
        # A directory of its own for each: uv would give a new environment the cached wheel of an earlier tree.
        home = Path(tempfile.mkdtemp(prefix="uvwatch-torture-"))
        source = random.Random(f"{seed}/{number}")  # noqa: S311 - the same seed must give the same edits
        done: list[Edit] = []
        try:
            actions = sequence(home, source, edits, tally, done)
            print(f"sequence {number}: {', '.join(actions)}", flush=True)
        except (Mismatch, DemoError) as error:
            print(f"sequence {number} of seed {seed} (scripts/torture equal --seed {seed} --first {number}", end=" ")
            print(f"--sequences 1 --edits {edits}):")
            print("\n".join(f"  {each}" for each in done))
            print(f"{error}\nleft in {home}", flush=True)
            return 1
        shutil.rmtree(home)
    print("edits:", ", ".join(f"{kind} {count}" for kind, count in sorted(tally.kinds.items())))
    print("actions:", ", ".join(f"{action} {count}" for action, count in sorted(tally.actions.items())))
    print(f"equal after {tally.actions.total()} edits")
    return 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="scripts/torture equal", description=__doc__, allow_abbrev=False)
    parser.add_argument("--sequences", type=int, default=300)
    parser.add_argument("--edits", type=int, default=4, help="in a sequence")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--first", type=int, default=0, help="the number of the first sequence, to run one again")
    given = parser.parse_args()
    forget_the_callers()
    return torture(sequences=given.sequences, first=given.first, edits=given.edits, seed=given.seed)


if __name__ == "__main__":
    sys.exit(main())
