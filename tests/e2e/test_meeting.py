"""A daemon and its clients meet whatever variables each has, and whatever became of the project meanwhile."""

import json
import tempfile
from pathlib import Path

from tests.e2e.conftest import Project


def test_a_daemon_is_met_from_another_shell_with_other_variables(tiny: Project) -> None:
    with tempfile.TemporaryDirectory(prefix="uvw") as other, tiny.watch("--settle", "8", "--settle-max", "9") as daemon:
        away = tiny.having(TMPDIR=other, XDG_RUNTIME_DIR="")
        second = away.uvwatch("watch")
        assert (second.returncode, second.stdout) == (1, "")
        assert f"runs already for this environment (pid {daemon.process.pid})" in second.stderr
        assert json.loads(away.uvwatch("status", "--json").stdout)["pid"] == daemon.process.pid
        assert "not fresh within 0 s" in away.uvwatch("sync", "--timeout", "0").stderr
        tiny.write({"src/tiny/a.css": "a { color: blue }\n"})
        assert away.uvwatch("sync").stdout.splitlines() == daemon.cycle()
        assert away.uvwatch("stop").returncode == 0
        assert daemon.out.rest() == ["uvwatch: stopped"]
        assert away.uvwatch("status").returncode == 3
        late = away.uvwatch("sync", "--timeout", "0")
        assert (late.returncode, late.stdout) == (1, "")
        assert "not fresh within 0 s; see --timeout" in late.stderr
        assert not (tiny.prefix / ".uvwatch" / "runtime-directory").exists()
        assert list(Path(other).rglob("*.instance")) == []


def test_a_project_that_is_broken_or_gone_keeps_nobody_from_its_daemon_nor_from_a_generator(tiny: Project) -> None:
    whole = tiny.read("pyproject.toml")
    with tiny.watch("--settle", "8", "--settle-max", "9") as daemon:
        (tiny.root / "pyproject.toml").unlink()
        assert json.loads(tiny.uvwatch("status", "--json").stdout)["pid"] == daemon.process.pid
        tiny.write({"pyproject.toml": ""})
        assert tiny.uvwatch("stop").returncode == 0
        assert daemon.out.rest()[-1] == "uvwatch: stopped"
    tiny.write({"pyproject.toml": whole + "[[[\n"})
    stopped = tiny.uvwatch("stop", "--json")
    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (0, '{"schema":1,"running":false}\n', "")
    held = tiny.uvwatch("hold", "--", "echo", "made")
    assert (held.returncode, held.stdout, held.stderr) == (0, "made\n", "")
    assert tiny.uvwatch("status").returncode == 2
