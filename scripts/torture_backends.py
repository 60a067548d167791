"""After edits of small projects, one for each build backend, the copy that ``uvwatch sync`` leaves equals uv's own.

Prints one row a project and one column a kind of edit: what uvwatch did; for "editable" when it was made editable, and
when its metadata was edited then: it has to be what uv's editable reinstall makes of it, with dist-info, RECORD, and
the files that lead to the tree. What is not equal is printed in full.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from torture_projects import SAMPLES, Sample, apply, lay_out
from torture_reference import Bench, Mismatch, environment

COMMAND = Path(sys.executable).with_name("uvwatch")
COLUMNS = ("changed", "added", "removed", "build input", "metadata", "editable")
HEAD = ("project", "shows", *COLUMNS)


def refresh(bench: Bench, *arguments: str) -> str:
    """Have uvwatch make its copy fresh; return the action that it took."""
    cycle = json.loads(bench.run(COMMAND, "sync", "--json", *arguments))
    (told,) = (each for each in cycle["distributions"] if each["name"] == bench.distribution)
    return str(told["action"])


def play(sample: Sample, bench: Bench) -> tuple[dict[str, list[str]], list[str]]:
    """Make all edits of a project; return what was done by kind of edit, and what was not equal afterwards."""
    environ = dict(bench.environ)
    lay_out(sample, bench.tree, environ)
    bench.make()
    refresh(bench)
    done: dict[str, list[str]] = {column: [] for column in COLUMNS}
    wrong = []
    for kind, edits in sample.steps:
        for edit in edits:
            apply(edit, bench.tree)
        wrong += judged(done, kind, bench)
    if sample.not_editable:
        done["editable"].append(sample.not_editable)
    else:
        wrong += judged(done, "editable", bench, "--editable")
        for edit in sample.metadata_again:
            apply(edit, bench.tree)
        wrong += judged(done, "editable", bench)
    return done, wrong


def judged(done: dict[str, list[str]], kind: str, bench: Bench, *arguments: str) -> list[str]:
    """Make the copy fresh, note the action, and say what is not equal."""
    try:
        action = refresh(bench, *arguments)
        done[kind].append(action)
        fickle = bench.compare(editable=kind == "editable")
        wrong = f"no two builds are alike of {', '.join(sorted(fickle))}" if fickle else ""
    except Mismatch as error:
        wrong = str(error)
    if not wrong:
        return []
    done[kind].append("NOT EQUAL")
    return [f"{bench.distribution}, {kind} ({len(done[kind])}): {wrong}"]


def row(sample: Sample, done: dict[str, list[str]]) -> str:
    """One row of the table."""
    cells = [", ".join(dict.fromkeys(done[column])) for column in COLUMNS]
    return f"| `{sample.name}` | {sample.shows} | {' | '.join(cells)} |"


def main() -> int:
    """Read the command line and run; 1 if a copy was not equal."""
    parser = argparse.ArgumentParser(prog="scripts/torture backends", description=__doc__, allow_abbrev=False)
    parser.add_argument("projects", nargs="*", help="names of projects (default: all)")
    given = parser.parse_args()
    chosen = [each for each in SAMPLES if not given.projects or each.name in given.projects]
    if unknown := {*given.projects} - {each.name for each in chosen}:
        parser.error(f"no such project: {', '.join(sorted(unknown))}")
    print(f"| {' | '.join(HEAD)} |\n{'|---' * len(HEAD)}|", flush=True)
    wrong: list[str] = []
    for sample in chosen:
        if sample.needs and shutil.which(sample.needs) is None:
            print(f"| `{sample.name}` | {sample.shows}{f' | no {sample.needs} here' * len(COLUMNS)} |", flush=True)
            continue
        home = Path(tempfile.mkdtemp(prefix="uvwatch-torture-"))
        (home / "ours").mkdir()
        done, found = play(sample, Bench(home=home, distribution=sample.name, environ=environment()))
        print(row(sample, done), flush=True)
        wrong += found
        if found:
            wrong.append(f"left in {home}")
        else:
            shutil.rmtree(home)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
