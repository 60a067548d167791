"""A daemon is killed (SIGKILL) at random moments of its updates: what is installed stays whole, the next start heals.

After each kill a fresh interpreter imports the package and reads a static file of it; nothing that the killed daemon
had started lives on; and the first cycle of the next start makes copy and tree equal, RECORD true, and leaves nothing
staged.
uv removes before it links: a kill during its own reinstall may leave the package missing, and is counted apart.
Exit status: 0 all was well, 1 it was not.
"""

import argparse
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import uv
from demo_stage import DemoError, Stage, contents, prepare
from torture_copy import read
from torture_equal import REINSTALL, Mismatch, compare, forget_the_callers, run
from torture_reader import CODE, Verdict, judge, written
from torture_tree import Event, TortureError, Watched
from torture_victim import Left, Phase, gone, kill, record, staged, victim

NAME = "myapp"
PATIENCE = 60.0
COMPARED_EVERY = 20
LIVES_ON = 10.0
"""Seconds after which what a killed daemon had started counts as living on; uv may end its work."""
START_KILLED = 0.2
"""The share of starts that are killed, too, while they heal."""
AT_ONCE = 0.25
"""The share of kills after which the next daemon starts at once, whatever still runs."""
SPARE = 200
"""Files of the example that rounds add, change and remove."""
BEYOND = 1.2
"""Kills come up to so many usual times after the update's begin, ..."""
AIMED = 0.4
"""...but so large a share up to so many seconds after the first file was staged: that is soon over."""
AIMED_WITHIN = 0.02
FAULTS = 40
"""After so many it goes no further."""
POLL = 0.001


@dataclass(slots=True, kw_only=True)
class Figures:
    """What happened in all rounds."""

    phases: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    in_uv: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    healed: int = 0
    healings: int = 0
    compared: int = 0
    longest: float = 0.0
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Round:
    """The tree under strain: ``number`` is what its files say, ``usual`` the seconds that an update takes."""

    stage: Stage
    chance: random.Random
    figures: Figures
    number: int = 0
    usual: dict[str, float] = field(default_factory=lambda: {"patch": 0.06, "rebuild": 0.4, "reinstall": 1.0})

    @property
    def prefix(self) -> Path:
        """The environment."""
        return self.stage.project / ".venv"

    def edit(self) -> str:
        """Change the tree, in a way that asks for one of the three actions; return which."""
        kind = self.chance.choices(("patch", "rebuild", "reinstall"), (4, 4, 2))[0]
        self.number += 1
        for name, text in written(self.number * 10 + 1).items():
            path = self.stage.package / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if kind == "rebuild":
            self._spare()
        if kind == "reinstall":
            path = self.stage.project / "pyproject.toml"
            lines = path.read_text(encoding="utf-8").splitlines()
            lines = [f'description = "{self.number}"' if line.startswith("description") else line for line in lines]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return kind

    def _spare(self) -> None:
        """Add some files, change some, remove some."""
        for each in self.chance.sample(range(SPARE), SPARE // 2):
            path = self.stage.package / "spare" / f"part{each % 5}" / f"{each}.css"
            if path.exists() and self.chance.random() < 0.5:  # noqa: PLR2004 - a half
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"/* {self.number} */\n" * self.chance.randint(1, 2000), encoding="utf-8")
        new = self.stage.package / "spare" / f"n{self.number}.py"
        new.write_text(f"NUMBER = {self.number}\n", encoding="utf-8")

    def read(self) -> Verdict:
        """Import the package in a fresh interpreter, away from the tree."""
        done = subprocess.run(
            [str(self.prefix / "bin" / "python"), "-c", CODE],
            cwd=self.stage.home / "server",
            capture_output=True,
            text=True,
            check=False,
        )
        (site,) = self.prefix.glob("lib/python*/site-packages")
        return judge(
            status=done.returncode,
            output=done.stdout,
            site=str(site / NAME),
            floor=(self.number - 1) * 10 + 1 if self.number else 0,
            ceiling=self.number * 10 + 1,
        )

    def differences(self) -> list[str]:
        """Say how the copy is not the tree's, RECORD not true, or something staged left."""
        try:
            copy = read(self.prefix, NAME)
        except (FileNotFoundError, ValueError) as error:
            return [f"the installed copy is not whole: {error}"]
        tree, installed = contents(self.stage.package), contents(self.stage.installed)
        recorded = {path.removeprefix(f"{NAME}/") for path in copy.files if path.startswith(f"{NAME}/")}
        (site,) = self.prefix.glob("lib/python*/site-packages")
        areas = (self.prefix / ".uvwatch" / "redo", site / ".uvwatch")
        staged = [path for area in areas for path in area.rglob("*") if path.is_file()]
        both = tree.keys() & installed.keys()
        return [
            *(f"not installed: {path}" for path in sorted(tree.keys() - installed.keys())),
            *(f"installed and not in the tree: {path}" for path in sorted(installed.keys() - tree.keys())),
            *(f"other bytes: {path}" for path in sorted(both) if tree[path] != installed[path]),
            *(f"installed and not in RECORD, or the reverse: {path}" for path in sorted(recorded ^ installed.keys())),
            *(f"RECORD contradicts {path}" for path in copy.broken),
            *(f"left of what was staged: {path.relative_to(self.prefix)}" for path in staged),
        ]

    def heal(self, watched: Watched, event: Event) -> None:
        """Judge a start that was let live: copy and tree are equal after its first cycle."""
        self.figures.healings += 1
        faults = self.differences()
        if event["outcome"] == "failed":
            faults.append(f"the first cycle failed: {event['distributions']}")
        if "Traceback" in watched.log.read_text(encoding="utf-8", errors="replace"):
            faults.append("a traceback in the log")
        self.figures.healed += not faults
        self.figures.faults += [f"round {self.number}, the next start: {fault}" for fault in faults[:5]]

    def killed(self, left: Left, mark: str) -> None:
        """Judge what a kill left behind."""
        figures = self.figures
        figures.kills += 1
        figures.phases[left.phase.value] += 1
        verdict = self.read()
        if left.phase is Phase.UV:
            figures.in_uv[f"{verdict.value} at once"] += 1
        else:
            figures.verdicts[verdict.value] += 1
            if verdict is not Verdict.FINE:
                figures.faults.append(f"round {self.number}, killed {left.phase.value}: an interpreter {verdict.value}")
        if left.phase is Phase.UV and self.chance.random() < AT_ONCE:
            return
        seconds = gone(mark, LIVES_ON)
        if seconds is None:
            figures.faults.append(f"round {self.number}, killed {left.phase.value}: lives on: {left.running}")
            return
        figures.longest = max(figures.longest, seconds)
        if left.phase is Phase.UV:
            figures.in_uv[f"{self.read().value} when uv had ended"] += 1


def torture(*, kills: int, seed: int) -> int:
    """Kill so often, print the figures, and return the exit status."""
    print(f"seed {seed}, {kills} kills", flush=True)
    home = Path(tempfile.mkdtemp(prefix="uvwatch-torture-"))
    # The two paths are equally long: a console script begins in another way where its interpreter's path is too long.
    stage, reference = Stage(home=home / "ours"), home / "uv" / "reference" / ".venv"
    prepare(stage)
    run(stage, uv.find_uv_bin(), "sync", "--no-editable", further={"UV_PROJECT_ENVIRONMENT": str(reference)})
    chance = random.Random(seed)  # noqa: S311 - the same seed must give the same edits
    strained = Round(stage=stage, chance=chance, figures=Figures())
    figures = strained.figures
    # The first interpreter reads what is installed, so it is there from the beginning.
    strained.edit()
    run(stage, uv.find_uv_bin(), *REINSTALL)
    strained.edit()
    lives = 0
    began = time.monotonic()
    while figures.kills < kills:
        lives += 1
        before = figures.kills
        _live(strained, home / "watch.log", f"{home.name}-{lives}")
        if before // COMPARED_EVERY != figures.kills // COMPARED_EVERY or figures.kills == kills:
            _last_heal(strained, home / "watch.log", f"{home.name}-{lives}-healed", reference)
        if len(figures.faults) > FAULTS:
            break
    _report(figures, time.monotonic() - began)
    if figures.faults:
        print(f"left in {home}")
        return 1
    shutil.rmtree(home)
    return 0


def _live(strained: Round, log: Path, mark: str) -> None:
    """One daemon's life: it heals, is given an edit, and is killed; or is killed while it heals."""
    with victim(strained.stage.project, log, mark, PATIENCE) as watched:
        before = record(strained.prefix)
        _until(watched, "cycle.started")
        if strained.chance.random() < START_KILLED:
            _strike(strained, watched, "rebuild", mark, before)
            return
        strained.heal(watched, _until(watched, "cycle.finished"))
        watched.ready()
        before = record(strained.prefix)
        kind = strained.edit()
        _until(watched, "cycle.started")
        _strike(strained, watched, kind, mark, before)


def _strike(strained: Round, watched: Watched, kind: str, mark: str, before: bytes) -> None:
    """Wait for a random moment of the update that has begun, and kill."""
    chance = strained.chance
    aimed = chance.random() < AIMED
    moment = time.monotonic() + (BEYOND if aimed else chance.uniform(0, BEYOND)) * strained.usual[kind]
    within = chance.uniform(0, AIMED_WITHIN)
    while (now := time.monotonic()) < moment:
        if aimed and staged(strained.prefix):
            time.sleep(within)
            break
        event = watched.next(POLL if aimed else moment - now)
        if event is not None and event["event"] == "cycle.finished":
            # How long it takes is learned on the way: the machine may be slower than thought, or busy.
            strained.usual[kind] = (strained.usual[kind] + event["duration_ms"] / 1000) / 2
    strained.killed(kill(watched, strained.prefix, mark, before=before), mark)


def _until(watched: Watched, kind: str) -> Event:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        event = watched.next(1.0)
        if event is not None and event["event"] == kind:
            return event
    raise TortureError(f"no {kind} within {PATIENCE:g} s")


def _last_heal(strained: Round, log: Path, mark: str, reference: Path) -> None:
    """Have a start heal, then hold the copy against the one that uv makes of the same tree."""
    with victim(strained.stage.project, log, mark, PATIENCE) as watched:
        strained.heal(watched, _until(watched, "cycle.finished"))
        watched.ready()
    try:
        compare(strained.stage, reference, lock=False)
        strained.figures.compared += 1
    except Mismatch as error:
        strained.figures.faults.append(f"round {strained.number}, compared with uv's: {error}")


def _report(figures: Figures, seconds: float) -> None:
    def words(counts: Counter[str]) -> str:
        return ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "none"

    print(f"{figures.kills} kills in {seconds:.0f} s: {words(figures.phases)}")
    print(f"interpreters after a kill: {words(figures.verdicts)}")
    print(f"interpreters after a kill during uv's reinstall: {words(figures.in_uv)}")
    print(f"healed by the next start: {figures.healed} of {figures.healings}")
    print(f"equal to uv's own reinstall: {figures.compared} comparisons")
    print(f"nothing of a killed daemon ran longer than {figures.longest:.2f} s")
    for fault in figures.faults:
        print(f"  {fault}")


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="scripts/torture kill", description=__doc__, allow_abbrev=False)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    given = parser.parse_args()
    forget_the_callers()
    try:
        return torture(kills=given.kills, seed=given.seed)
    except (DemoError, Mismatch, TortureError) as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
