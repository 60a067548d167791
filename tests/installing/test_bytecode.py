import os
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from uvwatch.installing.bytecode import compile_changed

pytestmark = pytest.mark.anyio

ENVIRON = {"PATH": os.environ["PATH"]}
TAG = sys.implementation.cache_tag


def compiled(path: Path) -> Path:
    return path.parent / "__pycache__" / f"{path.stem}.{TAG}.pyc"


async def test_bytecode_is_valid_by_time_and_size_whatever_source_date_epoch_says(tmp_path: Path) -> None:
    source = tmp_path / "a\n.py"
    source.write_text("A = 1\n")
    environ = ENVIRON | {"SOURCE_DATE_EPOCH": "315532800", "PYTHONDONTWRITEBYTECODE": "1"}
    assert await compile_changed(sys.executable, [str(source)], environ=environ)
    header = compiled(source).read_bytes()[4:16]
    flags, mtime, size = (int.from_bytes(header[at : at + 4], "little") for at in (0, 4, 8))
    assert (flags, mtime, size) == (0, int(source.stat().st_mtime), 6)


async def test_only_the_files_named_are_compiled_however_many(tmp_path: Path) -> None:
    sources = [tmp_path / f"m{number}.py" for number in range(401)]
    for source in [*sources, tmp_path / "other.py"]:
        source.write_text("")
    assert await compile_changed(sys.executable, [str(source) for source in sources], environ=ENVIRON)
    assert {path.name for path in (tmp_path / "__pycache__").iterdir()} == {compiled(each).name for each in sources}


async def test_a_syntax_error_is_logged_and_the_other_files_are_compiled(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.py", tmp_path / "good.py"
    bad.write_text("def f(:\n")
    good.write_text("A = 1\n")
    with capture_logs() as logs:
        assert not await compile_changed(sys.executable, [str(bad), str(good)], environ=ENVIRON)
    assert [(each["event"], "SyntaxError" in each["output"]) for each in logs] == [("bytecode.failed", True)]
    assert (compiled(bad).exists(), compiled(good).exists()) == (False, True)


async def test_an_interpreter_that_is_gone_is_logged_and_harms_nothing(tmp_path: Path) -> None:
    with capture_logs() as logs:
        assert not await compile_changed(str(tmp_path / "python"), ["/x.py"], environ=ENVIRON)
    assert [each["event"] for each in logs] == ["bytecode.failed"]


async def test_nothing_to_compile_starts_nothing(tmp_path: Path) -> None:
    assert await compile_changed(str(tmp_path / "no-python"), [], environ=ENVIRON)
