"""Resident builds with real backends, held against ``uv build --wheel``."""

import contextlib
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import anyio
import pytest
from trio.testing import MockClock

from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.resident import NotResident, Resident
from uvwatch.installing.uv import find_uv
from uvwatch.project.environment import Environment, open_environment

pytestmark = pytest.mark.anyio

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


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all tests of this file keep their build environments."""
    return tmp_path_factory.mktemp("builds")


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


@pytest.mark.parametrize("backend", [*BACKENDS, "in the tree"])
async def test_the_wheel_is_the_one_that_uv_builds(backend: str, builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "my-app", backend)
    shutil.copytree(root, tmp_path / "uv" / "my-app")
    expected = members(by_uv(tmp_path / "uv" / "my-app", tmp_path / "uv-out"))
    lived, seconds = set[int](), list[float]()
    async with resident(builds, root) as of:
        for _ in range(3):
            started = time.perf_counter()
            wheel = await build(of, root)
            seconds.append(time.perf_counter() - started)
            lived |= pids(of)
            assert members(wheel) == expected
            with zipfile.ZipFile(wheel) as archive:
                kinds = {each.compress_type for each in archive.infolist() if each.file_size > 100}
            # uv_build's wheels are written by a program of its own.
            assert kinds == {zipfile.ZIP_DEFLATED if backend == "uv_build" else zipfile.ZIP_STORED}
    assert len(lived) == 1
    print(backend, *(f"{each * 1000:.0f} ms" for each in seconds))  # noqa: T201 - for `pytest -s`, never judged


async def test_code_of_the_project_is_loaded_anew_for_each_build(builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "in the tree")
    lines: list[str] = []
    async with resident(builds, root) as of:
        await build(of, root)
        await build(of, root, lines=lines)
        write(root, {"tools/value.py": "VALUE = 22\n"})
        await build(of, root, lines=lines)
    told = [line for line in lines if line.startswith("value")]
    assert told == ["value 1 settings {}", "value 22 settings {}"]
    assert lines.count("loaded") == 4  # two hooks a build


async def test_distributions_with_the_same_requirements_share_a_zygote_and_others_do_not(
    builds: Path, tmp_path: Path
) -> None:
    roots = [project(tmp_path / name, "in the tree") for name in ("a", "b")]
    async with resident(builds, tmp_path) as of:
        async with anyio.create_task_group() as tasks:
            for root in roots:
                tasks.start_soon(build, of, root)
        assert len(pids(of)) == 1
        await build(of, project(tmp_path / "c", "flit"))
        both = pids(of)
        assert len(both) == 2
    assert all(is_gone(pid) for pid in both)


async def test_a_hook_sees_the_build_environment_as_under_uv(builds: Path, tmp_path: Path) -> None:
    root = own_backend(
        tmp_path / "p",
        "    print(os.environ['PATH'], os.environ['VIRTUAL_ENV'], os.environ['UV'], sep='|')\n    sys.exit(3)",
    )
    async with resident(builds, root) as of:
        path, prefix, uv = (await failure(of, root)).output.split("|")
    assert (path, uv) == (f"{prefix}/bin:{ENVIRON['PATH']}", UV.path)
    assert Path(prefix).parent == builds


REQUIRES = """
def get_requires_for_build_wheel(config_settings=None):
    print("asked")
    return ["flit_core"]
def build_wheel(directory, *_):
    import flit_core
    print("got", flit_core.__name__)
    raise SystemExit(3)
"""


async def test_what_the_backend_asks_for_is_there_and_is_asked_for_when_inputs_changed(
    builds: Path, tmp_path: Path
) -> None:
    root = write(tmp_path / "p", {"pyproject.toml": OWN, "tools/backend.py": REQUIRES})
    lines: list[str] = []
    async with resident(builds, root) as of:
        for changed in (False, False, True):
            with pytest.raises(CycleFailed):
                await of.build_wheel(
                    str(root),
                    out_dir=str(tmp_path),
                    python=PYTHON,
                    timeout=60,
                    on_line=lines.append,
                    inputs_changed=changed,
                )
    assert [line for line in lines if line in ("asked", "got flit_core")] == [
        *("asked", "got flit_core"),
        "got flit_core",
        *("asked", "got flit_core"),
    ]


async def test_what_only_uv_can_build_is_said(builds: Path, tmp_path: Path) -> None:
    asks = 'def get_requires_for_build_wheel(_):\n    return ["x @ file:///x"]\n'
    by_url = write(tmp_path / "url", {"pyproject.toml": OWN, "tools/backend.py": asks})
    broken = write(tmp_path / "broken", {"pyproject.toml": "[build-system"})
    outside = write(tmp_path / "outside", {"pyproject.toml": OWN.replace("tools", "..")})
    missing = write(
        tmp_path / "missing", {"pyproject.toml": '[build-system]\nrequires = ["no-such-thing==0.0.dev0"]\n'}
    )
    async with resident(builds, tmp_path) as of:
        for root, match in (
            (by_url, "requires a path or a URL: x @ file:///x"),
            (broken, "pyproject.toml:1:14"),
            (outside, "backend-path: paths must be inside source tree"),
            (missing, "no build environment: .*no-such-thing"),
        ):
            with pytest.raises(NotResident, match=match):
                await build(of, root)


async def test_what_a_hook_raises_is_told_with_its_place(builds: Path, tmp_path: Path) -> None:
    root = own_backend(tmp_path / "app", "    print('working')\n    raise RuntimeError('no assets')")
    async with resident(builds, tmp_path) as of:
        error = await failure(of, root)
    assert (error.kind, str(error), error.path, error.line, error.column) == (
        FailureKind.BUILD,
        "RuntimeError: no assets",
        "app/tools/backend.py",
        4,
        1,
    )
    assert error.output.splitlines()[0] == "working"


async def test_a_syntax_error_in_a_build_hook_has_its_place_and_is_over_once_mended(
    builds: Path, tmp_path: Path
) -> None:
    root = project(tmp_path / "my-app", "hatchling")
    write(root, {"hatch_build.py": "\n\nclass CustomHook(:\n"})
    async with resident(builds, tmp_path) as of:
        error = await failure(of, root)
        assert (str(error), error.path, error.line) == ("SyntaxError: invalid syntax", "my-app/hatch_build.py", 3)
        assert error.column == 18
        write(root, {"hatch_build.py": HATCH_HOOK})
        assert "my_app/made.txt" in members(await build(of, root))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"tools/backend.py": "import no_such_module"}, "ModuleNotFoundError: No module named 'no_such_module'"),
        ({}, "Cannot find module 'backend'"),
        ({"tools/backend.py": "def build_wheel(*_):\n    import os\n    os._exit(0)"}, "ended without an answer"),
        ({"tools/backend.py": "def build_wheel(*_):\n    return 'nothing.whl'"}, "left no wheel"),
        ({"tools/backend.py": "def build_wheel(*_):\n    pass"}, "`build_wheel` .* no name of a wheel: None"),
        ({"tools/backend.py": "def build_wheel(*_):\n    return ''"}, "left no wheel"),
        ({"tools/backend.py": "def get_requires_for_build_wheel(*_):\n    pass"}, "no list of requirements: None"),
        ({"tools/backend.py": "def build_wheel(*_):\n    import os\n    os.kill(os.getpid(), 9)"}, "signal: 9"),
        ({"tools/backend.py": "def build_wheel(*_):\n    print('why')\n    raise SystemExit(2)"}, "^why$"),
    ],
)
async def test_every_way_to_fail_is_a_failed_build(
    files: dict[str, str], message: str, builds: Path, tmp_path: Path
) -> None:
    root = write(tmp_path / "p", {"pyproject.toml": OWN, **files})
    async with resident(builds, root) as of:
        with pytest.raises(CycleFailed, match=message) as caught:
            await build(of, root)
    assert caught.value.kind is FailureKind.BUILD


async def test_a_full_temporary_directory_is_named_where_the_system_names_no_file(builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "flit")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with resident(builds, root) as of:
        await build(of, root)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # of this process: the zygote runs already
        try:
            error = await failure(of, root)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (error.kind, str(error)) == (FailureKind.IO, f"{tempfile.gettempdir()}: File too large")


HANG = """
    child = subprocess.Popen(["sleep", "600"])
    print("pids", os.getpid(), child.pid, os.getppid())
    time.sleep(600)
"""


def pids_of(lines: list[str]) -> list[int]:
    (found,) = [line.split()[1:] for line in lines if line.startswith("pids")]
    return [int(each) for each in found]


async def test_a_hook_that_hangs_is_ended_with_its_group_and_the_zygote_lives(builds: Path, tmp_path: Path) -> None:
    root, good = own_backend(tmp_path / "elsewhere", HANG), project(tmp_path / "good", "in the tree")
    write(root, {"pyproject.toml": f'{OWN}[project]\nname = "p"\nversion = "1"\n'})
    async with resident(builds, root) as of:
        await build(of, good)
        error = await failure(of, root, seconds=1)
        hook, child, zygote = pids_of(error.output.splitlines())
        assert (error.kind, str(error)) == (FailureKind.TIMEOUT, "the build of p did not end within 1 s")
        assert is_gone(hook)
        assert is_gone(child)
        await build(of, good)
        assert pids(of) == {zygote}


@pytest.mark.parametrize("anyio_backend", ["trio", "asyncio"])
async def test_a_cancelled_build_leaves_nothing(builds: Path, tmp_path: Path) -> None:
    root, lines = own_backend(tmp_path / "p", HANG), list[str]()
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    async with resident(builds, root) as of, anyio.create_task_group() as tasks:

        def on_line(line: str) -> None:
            lines.append(line)
            if line.startswith("pids"):
                tasks.cancel_scope.cancel()

        await of.build_wheel(str(root), out_dir=str(temporary), python=PYTHON, timeout=60, on_line=on_line)
    assert all(is_gone(pid) for pid in pids_of(lines))
    assert list(temporary.iterdir()) == []


async def test_what_a_hook_leaves_in_the_background_delays_nothing_and_lives_on(builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "in the tree")
    text = IN_TREE.replace(
        '    print("value"',
        '    import subprocess\n    print("pids", subprocess.Popen(["sleep", "600"]).pid)\n    print("value"',
    )
    write(root, {"tools/backend.py": text})
    lines: list[str] = []
    async with resident(builds, root) as of:
        await build(of, root, seconds=30, lines=lines)
    (pid,) = pids_of(lines)
    assert not is_gone(pid)
    os.kill(pid, signal.SIGKILL)


ONCE = """    import time
    if not os.path.exists("died"):
        open("died", "w").close()
        os.kill(os.getppid(), 9)
        time.sleep(600)
"""


async def test_a_zygote_that_dies_is_replaced_and_the_build_done_again(builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "in the tree")
    async with resident(builds, root) as of:
        await build(of, root)
        before = pids(of)
        write(root, {"tools/backend.py": IN_TREE.replace('    print("value"', f'{ONCE}    print("value"')})
        await build(of, root)
        assert len(pids(of)) == 1
        assert pids(of).isdisjoint(before)


async def test_a_zygote_that_does_not_answer_costs_one_timeout(builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "in the tree")
    async with resident(builds, root) as of:
        await build(of, root)
        (stopped,) = pids(of)
        os.kill(stopped, signal.SIGSTOP)
        assert (await failure(of, root, seconds=0.5)).kind is FailureKind.TIMEOUT
        await build(of, root)
        assert is_gone(stopped)


async def test_a_zygote_that_never_lives_is_no_resident_build(builds: Path, tmp_path: Path) -> None:
    root = own_backend(tmp_path / "p", "    os.kill(os.getppid(), 9)\n    time.sleep(600)")
    async with resident(builds, root) as of:
        with pytest.raises(NotResident, match="does not live"):
            await build(of, root)


async def test_a_zygote_that_has_grown_is_replaced(builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "in the tree")
    async with resident(builds, root, memory=1) as of:
        await build(of, root)
        (first,) = pids(of)
        await build(of, root)
        assert first not in pids(of)
        assert await anyio.to_thread.run_sync(wait_until_gone, first)


async def test_no_more_builds_run_at_once_than_there_are_cores(builds: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    text = f"""
    log = open({str(log)!r}, "a", 1)
    print("begin", file=log)
    subprocess.run([sys.executable, "-c", ""])
    print("end", file=log)
    sys.exit(3)
"""
    roots = [own_backend(tmp_path / name, text) for name in "abc"]
    async with resident(builds, tmp_path, cores=1) as of, anyio.create_task_group() as tasks:
        for root in roots:
            tasks.start_soon(failure, of, root)
    assert log.read_text().split() == ["begin", "end"] * 3


@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(rate=1)})], ids=["trio"])
async def test_a_zygote_ends_after_ten_idle_minutes(
    builds: Path, tmp_path: Path, anyio_backend: tuple[str, dict[str, MockClock]]
) -> None:
    root = project(tmp_path / "p", "in the tree")
    async with resident(builds, root) as of:
        await build(of, root)
        (zygote,) = pids(of)
        anyio_backend[1]["clock"].jump(599)
        await build(of, root)
        assert pids(of) == {zygote}
        anyio_backend[1]["clock"].jump(601)
        assert await anyio.to_thread.run_sync(wait_until_gone, zygote)
        assert pids(of) == set()
        await build(of, root)
        assert len(pids(of)) == 1


@pytest.mark.parametrize("anyio_backend", ["trio", "asyncio"])
async def test_an_error_beside_the_builds_goes_on_as_it_is(builds: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "in the tree")
    left = set[int]()

    async def fail() -> None:
        async with resident(builds, root) as of:
            await build(of, root)
            left.update(pids(of))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fail()
    assert len(left) == 1
    assert all(is_gone(pid) for pid in left)


async def test_a_broken_build_environment_is_made_anew(tmp_path: Path) -> None:
    root, directory = project(tmp_path / "p", "flit"), tmp_path / "builds"
    async with resident(directory, root) as of:
        await build(of, root)
    (module,) = directory.glob("*/lib/python*/site-packages/flit_core/wheel.py")
    module.unlink()
    async with resident(directory, root) as of:
        await build(of, root)
        await of.build_wheel(str(root), out_dir=str(tmp_path), python=PYTHON, timeout=60, renew=True)
    assert len([path for path in directory.iterdir() if path.is_dir()]) == 3


DAEMON = """
import sys
import tempfile
from pathlib import Path
import anyio
sys.path.insert(0, {tests!r})
import test_resident as t

def say(line):
    print(line, flush=True)

async def main():
    async with t.resident(Path({builds!r}), Path({root!r})) as of:
        await of.build_wheel({root!r}, out_dir={root!r}, python=t.PYTHON, timeout=600, on_line=say)

anyio.run(main)
"""


@contextlib.contextmanager
def running(code: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    environ = {**ENVIRON, "PYTHONPATH": os.pathsep.join(sys.path)}
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        yield process, process.stdout


async def test_kill_9_of_the_daemon_leaves_no_zygote_and_no_hook(builds: Path, tmp_path: Path) -> None:
    root = own_backend(tmp_path / "p", HANG)
    code = DAEMON.format(tests=str(Path(__file__).parent), builds=str(builds), root=str(root))
    with running(code) as (daemon, lines):
        left = pids_of([next(line for line in lines if line.startswith("pids"))])
        assert not any(is_gone(pid) for pid in left)
        daemon.kill()
    assert all([await anyio.to_thread.run_sync(wait_until_gone, pid) for pid in left])
