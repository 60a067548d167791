"""A new release of the build backend: what uv installed by it is not made anew by the one that is kept."""

import zipfile
from pathlib import Path

from tests.e2e.conftest import Make, Project
from tests.e2e.told import next_cycle

BACKEND = """\
import base64, hashlib, zipfile
from pathlib import Path


def build_wheel(directory, config_settings=None, metadata_directory=None):
    files = {path.as_posix(): path.read_text() for path in sorted(Path("app").glob("*.py"))}
    files["app/made.txt"] = "made by house VERSION"
    files["app-1.0.dist-info/METADATA"] = "Metadata-Version: 2.1\\nName: app\\nVersion: 1.0\\n"
    files["app-1.0.dist-info/WHEEL"] = (
        "Wheel-Version: 1.0\\nGenerator: house VERSION\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    )
    digests = {path: hashlib.sha256(text.encode()).digest() for path, text in files.items()}
    rows = [f"{path},sha256={base64.urlsafe_b64encode(digests[path]).decode().rstrip('=')},"
            f"{len(files[path])}\\n" for path in files]
    files["app-1.0.dist-info/RECORD"] = "".join(rows) + "app-1.0.dist-info/RECORD,,\\n"
    with zipfile.ZipFile(Path(directory, "app-1.0-py3-none-any.whl"), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return "app-1.0-py3-none-any.whl"
"""
APP = {
    "pyproject.toml": """\
[build-system]
requires = ["house"]
build-backend = "house"

[project]
name = "app"
version = "1.0"
requires-python = ">=3.10"
""",
    "app/__init__.py": "",
}


def release(index: Path, version: str) -> None:
    """Put a wheel of the backend among those that uv finds."""
    index.mkdir(exist_ok=True)
    with zipfile.ZipFile(index / f"house-{version}-py3-none-any.whl", "w") as archive:
        for path, text in {
            "house.py": BACKEND.replace("VERSION", version),
            f"house-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: house\nVersion: {version}\n",
            f"house-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"house-{version}.dist-info/RECORD": "house.py,,\n",
        }.items():
            archive.writestr(path, text)


def made(project: Project) -> str | None:
    """By which release the installed copy was made."""
    return project.installed("app/made.txt")


def test_what_uv_installed_by_a_newer_backend_stays_and_is_rebuilt_by_that(make: Make, tmp_path: Path) -> None:
    index = tmp_path / "index"
    release(index, "1.9")
    project = make(APP).having(UV_FIND_LINKS=str(index), UV_NO_INDEX="1")
    project.uv("sync", "--no-editable")
    with project.watch("--json", "--audit", "0") as daemon:
        project.write({"app/one.py": ""})
        assert next_cycle(daemon).outcome == "updated"
        assert made(project) == "made by house 1.9"
        release(index, "1.10")
        project.uv("sync", "--no-editable", "--reinstall-package", "app")
        cycle = next_cycle(daemon)
        assert (cycle.trigger, cycle.outcome, made(project)) == ("environment", "unchanged", "made by house 1.10")
        project.write({"app/two.py": ""})
        [two] = next_cycle(daemon).finished["distributions"]
        assert (two["action"], two["added"], two["changed"]) == ("rebuild", ["app/two.py"], [])
        assert made(project) == "made by house 1.10"
