"""A keeper of a real project in a real environment."""

import os
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.site import Request, Site, find_site
from uvwatch.project.environment import open_environment
from uvwatch.project.installed import local_distributions

PYPROJECT = """
[project]
name = "pkg"
version = "1"
requires-python = ">=3.10"
[build-system]
requires = ["uv_build"]
build-backend = "uv_build"
"""


def write(keeper: Keeper, name: str, text: str) -> None:
    path = Path(keeper.distribution.root, name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def remove(keeper: Keeper, name: str) -> None:
    Path(keeper.distribution.root, name).unlink()


def make_site(root: Path, *, runtime: Path | None = None) -> Site:
    """Install a project as a copy in an environment of its own; locks lie in ``runtime``, or with it."""
    (root / "src" / "pkg").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "src" / "pkg" / "__init__.py").write_text("VALUE = 1\n")
    environ = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV")}
    environ["XDG_RUNTIME_DIR"] = str(runtime or root)
    command = [find_uv_bin(), "sync", "--quiet", "--no-editable", "--project", str(root)]
    subprocess.run(command, cwd=root, env=environ, check=True)
    return find_site(Request(project=root, options={}, environ=environ))


@pytest.fixture
async def keeper(tmp_path: Path) -> Keeper:
    site = make_site(tmp_path)
    env = open_environment(site.prefix)
    (distribution,) = local_distributions(env)
    found = Keeper(site, env, distribution, ())
    await found.read_installed()
    await found.look()
    return found
