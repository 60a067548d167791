"""After random edits the copy that uvwatch leaves equals uv's own: a small round of ``scripts/torture equal``."""

import base64
import hashlib
import random
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.torture_copy import differences, read
from scripts.torture_edits import Kind, apply, choose, look
from tests.e2e.conftest import SAMPLES
from tests.e2e.rounds import torture


@pytest.mark.parametrize(("seed", "edits"), [(4, 13), (6, 12)])
def test_after_each_of_some_random_edits_the_copy_equals_what_uv_installs(
    tmp_path: Path, user: dict[str, str], seed: int, edits: int
) -> None:
    options = ("--sequences", "1", "--edits", str(edits), "--seed", str(seed))
    lines = torture("equal", *options, home=tmp_path, env=user)
    assert lines[-1] == f"equal after {edits} edits"
    assert {word.split()[0] for word in lines[-2].removeprefix("actions: ").split(", ")} >= {"rebuild", "reinstall"}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def install(prefix: Path) -> Path:
    """A small copy in an environment, as a wheel would be installed; its site-packages."""
    site = prefix / "lib" / "python3" / "site-packages"
    files = {
        "app/__init__.py": "A = 1\n",
        "app/a.css": "a\n",
        "app-1.dist-info/WHEEL": f"Wheel-Version: 1.0\nGenerator: {prefix.name}\n",
        "app-1.dist-info/uv_cache.json": f'{{"timestamp": "{prefix.name}"}}',
        "../../../bin/app": f"#!{prefix}/bin/python\n",
    }
    rows = []
    for name, text in files.items():
        write(site / name, text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(text)}\n")
    write(site / "app-1.dist-info" / "RECORD", "".join([*rows, "app-1.dist-info/RECORD,,\n"]))
    return site


def drop_row(site: Path) -> None:
    record = site / "app-1.dist-info" / "RECORD"
    record.write_text("".join(record.read_text(encoding="utf-8").splitlines(keepends=True)[1:]), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda site: write(site / "app/a.css", "b\n"), ["RECORD contradicts the file: app/a.css", "other bytes"]),
        (lambda site: (site / "app/a.css").chmod(0o755), ["mode 755 where uv has 644: app/a.css"]),
        (lambda site: write(site / "app/left.txt", ""), ["in site-packages, and should not be: app/left.txt"]),
        (lambda site: (site / "app/empty").mkdir(), ["in site-packages, and should not be: app/empty/"]),
        (lambda site: write(site / "stray.py", ""), ["in site-packages, and should not be: stray.py"]),
        (drop_row, ["RECORD lacks the row app/__init__.py,"]),
        (
            lambda site: write(site / "app-1.dist-info/WHEEL", "Wheel-Version: 2.0\n"),
            ["RECORD contradicts the file: app-1.dist-info/WHEEL", "other bytes"],
        ),
        (
            lambda site: write(site / "../../../bin/app", "#!/elsewhere\n"),
            ["RECORD contradicts the file: ../../../bin/app", "other bytes"],
        ),
    ],
    ids=["bytes", "mode", "leftover", "empty directory", "stray", "row", "WHEEL", "script"],
)
def test_whatever_differs_between_two_copies_is_said(
    tmp_path: Path, spoil: Callable[[Path], object], said: list[str]
) -> None:
    site = install(tmp_path / "ours")
    install(tmp_path / "theirs")
    assert differences(read(tmp_path / "ours", "app"), read(tmp_path / "theirs", "app")) == []
    spoil(site)
    found = differences(read(tmp_path / "ours", "app"), read(tmp_path / "theirs", "app"))
    assert [line[: len(begin)] for line, begin in zip(found, said, strict=True)] == said


def state(root: Path) -> dict[str, tuple[int, bytes]]:
    """Permission bits and bytes of all files of a tree."""
    paths = [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) for path in paths}


def edited(root: Path, seed: int, edits: int) -> tuple[list[Kind], dict[str, tuple[int, bytes]]]:
    """Copy the sample, edit the copy; what kinds of edits there were and what became of it."""
    shutil.copytree(SAMPLES / "django_static", root, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    source = random.Random(seed)  # noqa: S311 - the same seed must give the same edits
    kinds = []
    for number in range(edits):
        before = state(root)
        edit = choose(source, look(root), number)
        apply(edit, root)
        kinds.append(edit.kind)
        assert (state(root) != before) is (edit.kind is not Kind.TOUCH) or edit.kind is Kind.SWAP, str(edit)
    return kinds, state(root)


def test_all_kinds_of_edits_come_up_and_the_same_seed_gives_the_same_tree(tmp_path: Path) -> None:
    kinds, became = edited(tmp_path / "a", 1, 150)
    assert {*kinds} == {*Kind}
    assert edited(tmp_path / "b", 1, 150) == (kinds, became)
    assert edited(tmp_path / "c", 2, 150)[0] != kinds
