"""``uvwatch init cache-keys``: real uv does not notice a change before, and does afterwards."""

import json

from tests.e2e.conftest import TINY, Make, Project


def rebuilds(project: Project) -> bool:
    """Whether a plain ``uv sync`` builds the project, as it says itself."""
    return "Building tiny" in project.uv("sync", "--no-editable").stderr


def test_uv_builds_again_only_with_the_keys_and_they_are_written_once(make: Make) -> None:
    settings = '\n# Bundles.\n[tool.uvwatch]\nartifacts = ["src/tiny/bundle"]\n'
    project = make({**TINY, "pyproject.toml": TINY["pyproject.toml"] + settings, "src/tiny/bundle/a.js": "1"})
    project.uv("sync", "--no-editable")
    project.write({"src/tiny/a.css": "a { color: blue }\n", "src/tiny/bundle/a.js": "2"})
    assert not rebuilds(project)

    printed = project.uvwatch("init", "cache-keys")
    assert printed.returncode == 0, printed.stderr
    assert '{file = "src/tiny/bundle/**/*"}' in printed.stdout
    assert '{file = "src/tiny/**/*.{css,py}"}' in printed.stdout
    assert "deleted file" in printed.stderr
    assert project.read("pyproject.toml") == TINY["pyproject.toml"] + settings

    written = json.loads(project.uvwatch("init", "cache-keys", "--write", "--json").stdout)
    assert (written["path"], written["changes"], written["written"]) == ("pyproject.toml", True, True)
    text = project.read("pyproject.toml")
    assert text.startswith(TINY["pyproject.toml"] + settings)
    assert printed.stdout in text
    again = project.uvwatch("init", "cache-keys", "--write")
    assert again.stdout == "pyproject.toml has it already\n"
    assert project.read("pyproject.toml") == text

    rebuilds(project)
    assert not rebuilds(project)
    for path in ("src/tiny/a.css", "src/tiny/__init__.py", "src/tiny/bundle/a.js", "src/tiny/bundle/deep/new.map"):
        project.write({path: f"# {path}\n"})
        assert rebuilds(project), path
        assert project.installed(path.removeprefix("src/")) == f"# {path}\n"
    project.at(project.root / "src" / "tiny").write({"__pycache__/x.cpython-312.pyc": "compiled"})
    assert not rebuilds(project)


def test_the_files_of_a_backend_of_ones_own_are_keys(make: Make) -> None:
    own = {"tools/own.py": "from uv_build import *\n"}
    settings = TINY["pyproject.toml"].replace('-backend = "uv_build"', '-backend = "own"\nbackend-path = ["tools"]')
    project = make({**TINY, **own, "pyproject.toml": settings})
    project.uv("sync", "--no-editable")

    printed = project.uvwatch("init", "cache-keys")

    assert printed.returncode == 0, printed.stderr
    assert '{file = "tools/own.py"}' in printed.stdout


def test_without_an_installed_copy_it_says_what_to_do(make: Make) -> None:
    done = make(TINY).uvwatch("init", "cache-keys", "--write")

    assert (done.returncode, done.stdout) == (2, "")
    assert "run `uvwatch sync`" in done.stderr


def test_of_an_editable_install_no_keys_are_made_up(make: Make) -> None:
    project = make(TINY)
    project.uv("sync")

    told = project.uvwatch("init", "cache-keys", "--write")

    assert (told.returncode, told.stdout) == (2, "")
    assert "tiny is installed editable" in told.stderr
    assert "`uvwatch sync --no-editable`" in told.stderr
    assert project.read("pyproject.toml") == TINY["pyproject.toml"]
