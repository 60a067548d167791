"""What the machine does not let one arrange from outside: no uv at all, file systems, the kernel's limits."""

import os
import subprocess
from functools import partial
from pathlib import Path

import pytest
from uv import find_uv_bin

from uvwatch.core.findings import Code, Finding, Severity
from uvwatch.doctor import Examination
from uvwatch.installing.uv import find_uv
from uvwatch.keeping.site import Request

PYPROJECT = """
[build-system]
requires = ["uv_build"]
build-backend = "uv_build"
[project]
name = "pkg"
version = "1"
requires-python = ">=3.10"
"""


@pytest.fixture
def request_of_a_project(tmp_path: Path) -> Request:
    root = tmp_path / "project"
    (root / "src" / "pkg").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "src" / "pkg" / "__init__.py").write_text("")
    environ = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV")}
    environ["XDG_RUNTIME_DIR"] = str(tmp_path)
    subprocess.run([find_uv_bin(), "sync", "--quiet", "--no-editable"], cwd=root, env=environ, check=True)
    return Request(project=root, options={}, environ=environ)


def severities(found: list[Finding]) -> dict[Code, Severity]:
    return {each.code: each.severity for each in found}


@pytest.mark.anyio
async def test_a_network_file_system_and_low_limits_are_found(request_of_a_project: Request, tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "mountinfo").write_text("1 0 0:1 / / rw - nfs4 server:/x rw\n")
    (proc / "sys" / "fs" / "inotify").mkdir(parents=True)
    (proc / "sys" / "fs" / "inotify" / "max_user_watches").write_text("1\n")
    examination = Examination(request_of_a_project, proc=proc)

    await examination.run()

    assert severities(examination.found) == {Code.POLLING: Severity.HURTS, Code.WATCH_LIMIT: Severity.HURTS}
    assert "(nfs4)" in examination.found[0].message


def no_own() -> str:
    raise FileNotFoundError


@pytest.mark.anyio
@pytest.mark.parametrize(("version", "code"), [(None, Code.UV_MISSING), ("0.8.3", Code.UV_TOO_OLD)])
async def test_without_a_uv_that_is_new_enough_the_rest_is_looked_at_all_the_same(
    request_of_a_project: Request, tmp_path: Path, version: str | None, code: Code
) -> None:
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    if version is not None:
        (bin_ / "uv").write_text(f"#!/bin/sh\necho uv {version}\n")
        (bin_ / "uv").chmod(0o755)
    (request_of_a_project.project / "uv.lock").unlink()
    request = Request(
        project=request_of_a_project.project, options={}, environ={**request_of_a_project.environ, "PATH": str(bin_)}
    )
    examination = Examination(request, find=partial(find_uv, own=no_own))

    await examination.run()

    assert severities(examination.found) == {code: Severity.BREAKS, Code.LOCK_MISSING: Severity.BREAKS}
    assert "install one" in examination.found[0].remedy
