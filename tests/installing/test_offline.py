from pathlib import Path

import pytest
from uv import find_uv_bin

from uvwatch.errors import CycleFailed
from uvwatch.installing.uv import Command, run_cached, run_uv

NOTED = """#!/bin/sh
echo "$@" >> {log}
case "$*" in
  *--offline*) echo "hint: Packages were unavailable because the network was disabled."; exit 1 ;;
esac
"""


def program(tmp_path: Path, text: str) -> Command:
    path = tmp_path / "uv"
    path.write_text(text.format(log=tmp_path / "log"))
    path.chmod(0o755)
    return Command(argv=(str(path), "sync"), env={"PATH": "/usr/bin:/bin"}, cwd=str(tmp_path))


@pytest.mark.anyio
async def test_what_the_cache_lacks_is_fetched(tmp_path: Path) -> None:
    await run_cached(program(tmp_path, NOTED), timeout=30)

    assert (tmp_path / "log").read_text().splitlines() == ["sync --offline", "sync"]


@pytest.mark.anyio
async def test_a_build_that_fails_for_another_reason_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(CycleFailed, match="SyntaxError"):
        await run_cached(
            program(tmp_path, "#!/bin/sh\necho x >> {log}\necho 'error: SyntaxError: no'; exit 1\n"), timeout=30
        )

    assert (tmp_path / "log").read_text().splitlines() == ["x"]


@pytest.mark.anyio
async def test_uv_itself_says_what_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "p"\nversion = "1"\n[build-system]\nrequires = ["hatchling"]\n'
        'build-backend = "hatchling.build"\n'
    )
    argv = (find_uv_bin(), "build", "--wheel", "--offline", "--no-cache", "--color", "never")
    with pytest.raises(CycleFailed) as failed:
        await run_uv(
            Command(argv=argv, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, cwd=str(tmp_path)), timeout=60
        )

    assert "the network was disabled" in failed.value.output
