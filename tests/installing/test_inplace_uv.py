"""Held against the authority: what uv installs, what it checks, and whom it waits for."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from uvwatch.core.model import Delta
from uvwatch.core.placing import Refusal
from uvwatch.errors import CycleFailed
from uvwatch.installing.envlock import environment_lock
from uvwatch.installing.inplace import installed_copy, place
from uvwatch.installing.sources import of_wheel, wanted_of_wheel
from uvwatch.installing.uv import find_uv
from uvwatch.installing.wheel import read_wheel
from uvwatch.project.environment import open_environment
from uvwatch.project.installed import local_distributions, read_installed

pytestmark = pytest.mark.anyio

UV = find_uv(os.environ).path
BACKEND = """\
def build_wheel(directory, config_settings=None, metadata_directory=None):
    import os
    os.write(int(os.environ["BEGUN"]), b"x")
    os.read(int(os.environ["GO_ON"]), 1)
    raise SystemExit("not built")
"""


class Project:
    """A project of uv's own backend, installed by uv, non-editable."""

    def __init__(self, top: Path) -> None:
        self.root = top / "app"
        self.package = self.root / "src" / "app"
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(top),
            "UV_CACHE_DIR": str(top / "cache"),
            "UV_OFFLINE": "1",
            "UV_PYTHON": sys.executable,
            "UV_NO_EDITABLE": "1",
        }
        self.save({"__init__.py": "def main(): print(1)\n", "value.py": "VALUE = 1\n", "sub/a.css": "a\n"})
        (self.root / "pyproject.toml").write_text(
            '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10"\n'
            '[project.scripts]\napp-run = "app:main"\n'
            '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
        )
        self.uv("sync")
        self.env = open_environment(self.root / ".venv")

    def save(self, files: Mapping[str, str | None]) -> None:
        for name, text in files.items():
            path = self.package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink() if text is None else path.write_text(text)

    def uv(self, *arguments: str) -> str:
        done = subprocess.run(
            [UV, *arguments], cwd=self.root, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    async def update(self, *, patience: float = 30.0) -> Delta | Refusal:
        """Build a wheel and put what differs in place."""
        self.uv("build", "--wheel", "--out-dir", "dist")
        (wheel_path,) = (self.root / "dist").glob("*.whl")
        (distribution,) = local_distributions(self.env)
        wheel = read_wheel(str(wheel_path), self.env)
        copy = read_installed(self.env, distribution)
        installed = installed_copy(self.env, distribution, copy)
        with zipfile.ZipFile(wheel_path) as archive:
            wanted = wanted_of_wheel(archive, wheel, installed, self.env)
            return await place(self.env, installed, wanted, of_wheel(archive, wheel), patience=patience)

    def installed(self) -> dict[str, tuple[bytes, int]]:
        """Bytes and permissions of all that is in the environment but for our own directory."""
        every = (path for path in self.env.prefix.rglob("*") if path.is_file())
        return {
            path.relative_to(self.env.prefix).as_posix(): (path.read_bytes(), path.stat().st_mode)
            for path in every
            if ".uvwatch" not in path.parts and path.suffix != ".pyc"
        }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


EDITS: list[dict[str, str | None]] = [
    {"value.py": "VALUE = 2\n"},
    {"new.py": "", "sub/deep/x y,z.txt": "x", 'sub/q"uo.txt': "q", "sub/é.txt": "é", "sub-x": "", "sub/#h": "h"},
    {"sub/a.css": None, "value.py": None, "values.py": "VALUE = 3\n", "sub/deep/b": "b"},
    {"sub/deep/x y,z.txt": None, "sub/deep/b": None, 'sub/q"uo.txt': "Q"},
]


async def test_the_environment_is_the_same_as_after_uvs_own_reinstall(project: Project) -> None:
    for number, edit in enumerate(EDITS):
        project.save(edit)
        (project.package / "new.py").touch()
        (project.package / "new.py").chmod(0o755 if number % 2 else 0o644)
        assert isinstance(await project.update(), Delta)
        ours = project.installed()
        project.uv("sync", "--reinstall-package", "app")
        assert ours == project.installed()


async def test_uv_finds_nothing_to_do_afterwards_and_leaves_every_file_as_it_is(project: Project) -> None:
    project.save(EDITS[0] | EDITS[1])
    assert isinstance(await project.update(), Delta)
    before = {path: path.stat() for path in project.env.purelib.rglob("*") if path.is_file()}
    assert "Checked 1 package" in project.uv("sync")
    assert {path: path.stat() for path in before} == before
    project.uv("sync", "--check")


async def test_uvs_cache_is_not_written_to(project: Project, tmp_path: Path) -> None:
    project.save(EDITS[0] | EDITS[2])
    await project.update()
    (cached,) = (path for path in (tmp_path / "cache").rglob("app/value.py") if "archive" in str(path))
    assert cached.read_text() == "VALUE = 1\n"
    project.uv("pip", "uninstall", "--python", str(project.env.python), "app")
    assert not (project.env.purelib / "app").exists()
    assert not (project.env.prefix / "bin" / "app-run").exists()


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('version = "1"', 'version = "2"', "its dist-info is app-2.dist-info now"),
        ("app-run =", "app-walk =", "app-1.dist-info/entry_points.txt differs"),
        ("requires-python", 'description = "d"\nrequires-python', "app-1.dist-info/METADATA differs"),
    ],
)
async def test_metadata_that_changed_is_uvs_business(project: Project, before: str, after: str, reason: str) -> None:
    pyproject = project.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace(before, after))
    assert await project.update() == Refusal(reason=reason)


def start(project: Project, *arguments: str, inherit: tuple[int, ...] = (), **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [UV, *arguments],
        cwd=project.root,
        env=project.environ | environ,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=inherit,
    )


async def test_uv_waits_for_whoever_puts_files_in_place(project: Project) -> None:
    project.save(EDITS[0])
    async with environment_lock(project.env.prefix):
        syncing = start(project, "sync", "--verbose", "--reinstall-package", "app")
        assert syncing.stderr is not None
        assert any("Waiting to acquire" in line and ".venv" in line for line in syncing.stderr)
        assert (project.env.purelib / "app/value.py").read_text() == "VALUE = 1\n"
    syncing.communicate()
    assert syncing.returncode == 0
    assert (project.env.purelib / "app/value.py").read_text() == "VALUE = 2\n"


@contextmanager
def building(project: Project, root: Path) -> Iterator[None]:
    """While uv builds a distribution to install it, which ends in a failure as soon as it is let go."""
    root.mkdir()
    (root / "backend.py").write_text(BACKEND)
    (root / "pyproject.toml").write_text(
        '[project]\nname = "slow"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (begun, begin), (wait, go_on) = os.pipe(), os.pipe()
    command = ["pip", "install", "--python", str(project.env.python), str(root)]
    syncing = start(project, *command, inherit=(begin, wait), BEGUN=str(begin), GO_ON=str(wait))
    os.close(begin)
    os.close(wait)
    assert os.read(begun, 1) == b"x"
    yield
    os.close(go_on)
    assert "not built" in syncing.communicate()[1]
    os.close(begun)


async def test_whoever_puts_files_in_place_waits_for_uv(project: Project, tmp_path: Path) -> None:
    project.save(EDITS[0])
    lock = (project.env.prefix / ".lock").stat()
    with building(project, tmp_path / "slow"):
        with pytest.raises(CycleFailed, match=r"another program has held .*/\.lock"):
            await project.update(patience=0.05)
        assert (project.env.purelib / "app/value.py").read_text() == "VALUE = 1\n"
    assert await project.update() == Delta(changed=("app/value.py",))
    after = (project.env.prefix / ".lock").stat()
    assert (after.st_ino, after.st_mode) == (lock.st_ino, lock.st_mode)
