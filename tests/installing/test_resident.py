"""Resident builds with real backends, held against ``uv build --wheel``."""

import resource
import shutil
import tempfile
import time
import zipfile
from pathlib import Path

import anyio
import pytest

from tests.installing.residents import (
    BACKENDS,
    ENVIRON,
    HATCH_HOOK,
    OWN,
    PYTHON,
    UV,
    build,
    by_uv,
    failure,
    is_gone,
    members,
    own_backend,
    pids,
    project,
    resident,
    write,
)
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.resident import NotResident

pytestmark = pytest.mark.anyio


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
