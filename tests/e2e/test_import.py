"""Fresh interpreters never fail while uvwatch updates what they import: a small round of ``scripts/torture import``."""

import re
from pathlib import Path

import pytest

from scripts.torture_reader import MODULES, STATIC, Verdict, judge, written
from tests.e2e.rounds import torture

SITE = "/site/myapp"


def test_imports_and_static_files_are_whole_and_new_during_updates(tmp_path: Path, user: dict[str, str]) -> None:
    options = ("--imports", "60", "--updates", "10", "--alone")
    lines = torture("import", *options, home=tmp_path, env=user)
    found = re.fullmatch(r"uvwatch: (\d+) updates in \d+ s, (\d+) imports: (.*)", lines[0])
    assert found
    updates, imports = int(found[1]), int(found[2])
    assert updates >= 10
    assert imports >= 60
    assert found[3] == f"{imports} fine, 0 failed, 0 saw old code, 0 saw a half-installed package"
    actions = re.fullmatch(r"  actions: patch (\d+), rebuild (\d+)", lines[1])
    assert actions
    assert int(actions[1]) + int(actions[2]) >= updates


def answer(*numbers: str, static: str = "/* 000007 */\n", file: str = f"{SITE}/__init__.py") -> str:
    return "|".join([file, *numbers, static])


@pytest.mark.parametrize(
    ("status", "output", "verdict"),
    [
        (0, answer("000007", "000007", "000007"), Verdict.FINE),
        (0, answer("000006", "000007", "000005"), Verdict.FINE),
        (0, answer("000007", "000004", "000007"), Verdict.OLD),
        (0, answer("000007", "000007", "000007", static="/* 000004 */\n"), Verdict.OLD),
        (0, answer("000007", "000008", "000007"), Verdict.TORN),
        (0, answer("000007", "00000", "000007"), Verdict.TORN),
        (0, answer("000007", "000007", "000007", static="/* 000007"), Verdict.TORN),
        (0, answer("000007", "000007", "000007", static=""), Verdict.TORN),
        (0, answer("000007", "000007", "000007", file="/tree/myapp/__init__.py"), Verdict.TORN),
        (1, "", Verdict.FAILED),
    ],
)
def test_an_interpreters_answer_is_judged(status: int, output: str, verdict: Verdict) -> None:
    assert judge(status=status, output=output, site=SITE, floor=5, ceiling=7) is verdict


def test_an_update_changes_bytes_and_no_size_and_every_tenth_adds_a_file() -> None:
    before, after = written(8), written(9)
    assert {name: len(text) for name, text in before.items()} == {name: len(text) for name, text in after.items()}
    changed = {STATIC, *(f"torture/{name}.py" for name in MODULES)}
    assert {name for name in before if before[name] != after[name]} == changed
    assert written(10).keys() - after.keys() == {"torture/new000010.txt"}
