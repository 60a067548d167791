"""Projects of real backends, and residents to build them; what is the same in two wheels, and who has ended."""

import os
import select
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from uvwatch.errors import CycleFailed
from uvwatch.installing.resident import Resident
from uvwatch.installing.uv import find_uv
from uvwatch.project.environment import Environment, open_environment

UV = find_uv(os.environ)
ENVIRON = {name: os.environ[name] for name in ("PATH", "HOME", "UV_CACHE_DIR", "SSL_CERT_FILE") if name in os.environ}
PYTHON: Environment = open_environment(Path(sys.prefix))

HATCH_HOOK = """
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

class CustomHook(BuildHookInterface):
    def initialize(self, version, build_data):
        with open(self.root + "/src/my_app/made.txt", "w") as file:
            file.write("made")
        build_data["artifacts"].append("src/my_app/made.txt")
"""
IN_TREE = """
import os, zipfile
print("loaded")
import value
def build_wheel(directory, config_settings=None, metadata_directory=None):
    print("value", value.VALUE, "settings", config_settings)
    name = "my_app-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("my_app.py", "x = 1\\n" * 100)
        wheel.writestr("my_app-0.1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: my-app\\nVersion: 0.1.0\\n")
        wheel.writestr("my_app-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n")
        wheel.writestr("my_app-0.1.0.dist-info/RECORD", "my_app.py,,\\n")
    return name
"""
OWN = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["tools"]\n'
BACKENDS = {
    "hatchling": (["hatchling"], "hatchling.build", "[tool.hatch.build.hooks.custom]\n"),
    "setuptools": (["setuptools>=61"], "setuptools.build_meta", '[tool.setuptools.package-data]\nmy_app = ["*.css"]\n'),
    "setuptools-legacy": (["setuptools>=61"], None, '[tool.setuptools.package-data]\nmy_app = ["*.css"]\n'),
    "flit": (["flit_core"], "flit_core.buildapi", ""),
    "uv_build": (["uv_build"], "uv_build", ""),
    "poetry": (["poetry-core"], "poetry.core.masonry.api", ""),
    "pdm": (["pdm-backend"], "pdm.backend", ""),
}


def resident(builds: Path, workspace: Path, *, idle: float = 600.0, memory: int = 1 << 29, cores: int = 2) -> Resident:
    return Resident(UV, workspace=workspace, environ=ENVIRON, directory=builds, idle=idle, memory=memory, cores=cores)


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def project(root: Path, backend: str) -> Path:
    if backend == "in the tree":
        write(root, {"pyproject.toml": OWN, "tools/backend.py": IN_TREE, "tools/value.py": "VALUE = 1\n"})
        return root
    requires, name, tool = BACKENDS[backend]
    build_backend = f'build-backend = "{name}"\n' if name else ""
    about = '[project]\nname = "my-app"\nversion = "0.1.0"\ndescription = "One."\nscripts = {cli = "my_app:main"}\n'
    write(
        root,
        {
            "pyproject.toml": f"[build-system]\nrequires = {requires}\n{build_backend}{about}{tool}",
            "hatch_build.py": HATCH_HOOK,
            "src/my_app/__init__.py": '"""My app."""\n\n\ndef main(): ...\n',
            "src/my_app/sub/__init__.py": "",
            "src/my_app/a.css": "a { color: red }\n" * 100,
            "src/my_app/run.sh": "#!/bin/sh\n",
        },
    )
    (root / "src/my_app/run.sh").chmod(0o755)
    return root


def own_backend(root: Path, body: str) -> Path:
    """A project whose own backend does this and no more."""
    text = f"import os, signal, subprocess, sys, time\ndef build_wheel(directory, *_):\n{body}\n"
    return write(root, {"pyproject.toml": OWN, "tools/backend.py": text})


async def build(of: Resident, root: Path, *, seconds: float = 60, lines: list[str] | None = None) -> Path:
    out = root.parent / f"out-{time.monotonic_ns()}"
    out.mkdir()
    on_line = None if lines is None else lines.append
    return Path(await of.build_wheel(str(root), out_dir=str(out), python=PYTHON, timeout=seconds, on_line=on_line))


async def failure(of: Resident, root: Path, *, seconds: float = 60, lines: list[str] | None = None) -> CycleFailed:
    with pytest.raises(CycleFailed) as caught:
        await build(of, root, seconds=seconds, lines=lines)
    return caught.value


def members(wheel: Path) -> dict[str, tuple[int, str]]:
    """Mode and text of each member; who made the wheel does not count."""
    with zipfile.ZipFile(wheel) as archive:
        found = {each.filename: (each.external_attr >> 16, archive.read(each).decode()) for each in archive.infolist()}
    is_uvs = any("Generator: uv" in text for _mode, text in found.values())
    return {
        name: (mode, _without(text, "Generator:" if name.endswith("/WHEEL") else "/WHEEL,") if is_uvs else text)
        for name, (mode, text) in found.items()
    }


def _without(text: str, what: str) -> str:
    return "\n".join(line for line in text.splitlines() if what not in line)


def by_uv(root: Path, out: Path) -> Path:
    argv = [UV.path, "build", "--quiet", "--wheel", "--python", str(PYTHON.python), "--out-dir", str(out), str(root)]
    subprocess.run(argv, env=ENVIRON, cwd=root, check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    return wheel


def pids(of: Resident) -> set[int]:
    """The zygotes that live."""
    return {each.pid for each in of.zygotes if each.pid is not None}


def is_gone(pid: int) -> bool:
    said = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return said.stdout[:1] in ("", "Z", "X")


def wait_until_gone(pid: int) -> bool:
    """Wait for the end of a process that is nobody's child here."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    readable, _, _ = select.select([handle], [], [], 30)
    os.close(handle)
    return bool(readable)
