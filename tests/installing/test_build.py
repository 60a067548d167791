import os
import subprocess
import sys
from pathlib import Path

import pytest

from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.build import build_wheel
from uvwatch.installing.uv import find_uv
from uvwatch.installing.wheel import read_wheel
from uvwatch.project.environment import open_environment

pytestmark = pytest.mark.anyio

UV = find_uv(os.environ)
ENVIRON = {
    "PATH": os.environ["PATH"],
    "HOME": os.environ.get("HOME", "/"),
    "UV_OFFLINE": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}

ALL_SCHEMES = """
[project]
name = "my-app"
version = "0.1.0"
scripts = { cli = "my_app:main" }
[build-system]
requires = ["uv_build"]
build-backend = "uv_build"
[tool.uv.build-backend.data]
scripts = "scripts"
data = "data"
headers = "headers"
purelib = "purelib"
platlib = "platlib"
"""

BACKEND = """
import zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    print("settings", config_settings)
    name = "app-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as wheel:
        wheel.writestr("app-0.1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: app\\nVersion: 0.1.0\\n")
        wheel.writestr("app-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n")
        wheel.writestr("app-0.1.0.dist-info/RECORD", "")
    return name
"""


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def install(root: Path, top: Path) -> None:
    """Install a tree into a new environment ``.venv`` below ``top``, as uv does it."""
    for arguments in (
        ["venv", "--python", sys.executable, ".venv"],
        ["pip", "install", "--python", ".venv", str(root)],
    ):
        subprocess.run([UV.path, *arguments], cwd=top, env=ENVIRON, check=True, capture_output=True)


async def build(root: Path, out_dir: Path, *, workspace: Path | None = None, lines: list[str] | None = None) -> str:
    out_dir.mkdir()  # noqa: ASYNC240 - a directory of the test's own
    return await build_wheel(
        UV,
        str(root),
        out_dir=str(out_dir),
        python=sys.executable,
        workspace=workspace or root,
        environ=ENVIRON,
        timeout=60,
        on_line=None if lines is None else lines.append,
    )


async def test_the_wheel_read_is_what_uv_installs(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": ALL_SCHEMES,
        "src/my_app/__init__.py": "def main(): ...\n",
        "src/my_app/run.sh": "#!/bin/sh\n",
        "scripts/with-python": "#!python\nprint(1)\n",
        "scripts/with-shell": "#!/bin/sh\n",
        "data/share/my-app/x.txt": "x",
        "headers/my.h": "#define X\n",
        "purelib/pure.py": "",
        "platlib/plat.py": "x = 1\n",
    }
    root = write(tmp_path / "my-app", files)
    (root / "src/my_app/run.sh").chmod(0o755)
    install(root, tmp_path)
    env = open_environment(tmp_path / ".venv")
    before = names(root)

    wheel = read_wheel(await build(root, tmp_path / "out"), env)

    record = (env.purelib / wheel.dist_info / "RECORD").read_text().splitlines()
    digests = {row.split(",")[0]: row.split(",")[1] for row in record}
    of_the_installer = {f"{wheel.dist_info}/{name}" for name in ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json")}
    of_uv = {f"{wheel.dist_info}/{name}" for name in ("uv_build.json", "uv_cache.json")}
    assert set(digests) - of_the_installer - of_uv == {*wheel.files, "../../../bin/cli"}
    assert wheel.rewritten == {"../../../bin/with-python"}
    for path, content in wheel.files.items():
        assert (content.digest == digests[path]) is (path not in wheel.rewritten), path
        assert content.executable is os.access(env.purelib / path, os.X_OK), path
    assert names(root) == before
    assert names(tmp_path / "out") == {"my_app-0.1.0-py3-none-any.whl"}


async def test_the_settings_of_the_workspace_count_for_a_distribution_outside_of_it(tmp_path: Path) -> None:
    backend = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    root = write(tmp_path / "app", {"pyproject.toml": backend, "backend.py": BACKEND})
    settings = '[tool.uv]\npackage = false\nconfig-settings = { key = "value" }\n'
    workspace = write(tmp_path / "ws", {"pyproject.toml": f'[project]\nname = "ws"\nversion = "0"\n{settings}'})
    lines: list[str] = []
    await build(root, tmp_path / "out", workspace=workspace, lines=lines)
    assert "settings {'key': 'value'}" in lines


async def test_a_failed_build_names_the_file_and_the_line(tmp_path: Path) -> None:
    backend = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    broken = "def build_wheel(*_):\n    raise RuntimeError('no assets')\n"
    workspace = write(tmp_path / "ws", {"pyproject.toml": "", "app/pyproject.toml": backend, "app/backend.py": broken})
    with pytest.raises(CycleFailed) as caught:
        await build(workspace / "app", tmp_path / "out", workspace=workspace)
    error = caught.value
    assert (error.kind, str(error)) == (FailureKind.BUILD, "RuntimeError: no assets")
    assert (error.path, error.line, error.column) == ("app/backend.py", 2, 1)
