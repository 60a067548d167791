"""``uvwatch doctor`` from outside: a sound project has no finding, and each fault is one, with its remedy."""

import json
import shutil
import sys
from pathlib import Path

from tests.e2e.conftest import TINY, WEB, Make, Project

FLAT = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "flat"
version = "1.0"
requires-python = ">=3.10"

[tool.setuptools]
packages = ["flat"]
""",
    "flat/__init__.py": "",
}


def found(project: Project, *arguments: str, status: int = 0) -> dict[str, str]:
    """The codes and severities of what is found; every finding has a message and a remedy."""
    done = project.uvwatch("doctor", "--json", *arguments)
    assert (done.returncode, done.stderr) == (status, ""), done.stdout + done.stderr
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(each["message"] and each["remedy"] for each in findings)
    assert len({each["code"] for each in findings}) == len(findings)
    return {each["code"]: each["severity"] for each in findings}


def test_a_sound_project_has_no_finding_and_each_of_its_faults_is_one(tiny: Project, tmp_path: Path) -> None:
    sound = tiny.uvwatch("doctor")
    assert (sound.returncode, sound.stdout, sound.stderr) == (0, "nothing is wrong\n", "")

    tiny.at(tiny.site).write({"tiny/written.txt": ""})
    assert found(tiny) == {"written-to-installed-copy": "hurts"}
    (tiny.site / "tiny" / "written.txt").unlink()

    other = tmp_path / "other"
    assert found(tiny.having(VIRTUAL_ENV=str(other))) == {"not-the-projects-environment": "note"}

    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(tiny.root, elsewhere, ignore=shutil.ignore_patterns(".venv"))
    assert found(tiny.at(elsewhere), "--environment", str(tiny.prefix), status=1) == {
        "installed-from-elsewhere": "breaks"
    }

    shutil.move(tiny.site / "tiny" / "a.css", tmp_path)
    assert found(tiny) == {"copy-broken": "hurts"}
    shutil.move(tmp_path / "a.css", tiny.site / "tiny")

    tiny.edit("pyproject.toml", 'version = "1.0"', 'version = "1.1"')
    assert found(tiny) == {"lock-outdated": "hurts"}
    tiny.uv("lock")

    init = tiny.root / "src" / "tiny" / "__init__.py"
    shutil.move(init, tmp_path)
    assert found(tiny, status=1) == {"build-fails": "breaks"}
    shutil.move(tmp_path / "__init__.py", init)

    tiny.write({"uv.lock": "version = [\n"})
    assert found(tiny, status=1) == {"lock-broken": "breaks"}
    (tiny.root / "uv.lock").unlink()
    assert found(tiny, status=1) == {"lock-missing": "breaks"}
    tiny.uv("lock")

    tiny.uv("sync")
    assert found(tiny) == {"editable-install": "note"}

    tiny.uv("sync", "--no-install-project")
    assert found(tiny, status=1) == {"not-installed": "breaks"}
    assert found(tiny, "--environment", sys.base_prefix, status=1) == {"only-by-uv": "note", "not-installed": "breaks"}


def test_what_cannot_be_read_or_is_not_there_is_one_finding_and_no_traceback(make: Make) -> None:
    project = make(TINY)
    assert found(project, status=1) == {"environment-missing": "breaks"}

    project.write({".venv/stray": ""})
    assert found(project, status=1) == {"environment-broken": "breaks"}
    shutil.rmtree(project.prefix)

    project.uv("sync", "--no-editable")
    project.write({"pyproject.toml": TINY["pyproject.toml"] + "[tool.uvwatch]\nsettel = 1\n"})
    assert found(project, status=1) == {"settings-invalid": "breaks"}
    project.write({"pyproject.toml": TINY["pyproject.toml"].replace('name = "tiny"', "")})
    assert found(project, status=1) == {"pyproject-broken": "breaks"}
    assert "has no project.name" in project.uvwatch("doctor").stdout
    project.write({"pyproject.toml": "[project\n"})
    assert found(project, status=1) == {"pyproject-broken": "breaks"}
    (project.root / "pyproject.toml").unlink()
    assert found(project, status=1) == {"no-project": "breaks"}
    assert "by `--project`" in project.uvwatch("doctor").stdout


def test_a_flat_layout_leftovers_of_builds_and_an_old_uv_are_found(make: Make, tmp_path: Path) -> None:
    flat = make(FLAT)
    flat.uv("sync", "--no-editable")
    shutil.rmtree(flat.root / "build", ignore_errors=True)
    assert found(flat) == {"tree-shadows-copy": "hurts"}

    flat.write({"build/lib/flat/__init__.py": "", "build/lib/flat/gone.py": ""})
    flat.at(tmp_path).write({"bin/uv": "#!/bin/sh\necho uv 0.8.3\n"})
    (tmp_path / "bin" / "uv").chmod(0o755)
    assert found(flat.having(PATH=f"{tmp_path / 'bin'}:{flat.env['PATH']}")) == {
        "uv-passed-over": "note",
        "tree-shadows-copy": "hurts",
        "leftover-build": "hurts",
    }


def test_generated_files_that_the_wheel_lacks_and_what_the_lock_does_not_know_are_found(
    make: Make, tmp_path: Path
) -> None:
    web = make(WEB)
    web.run("git", "init", "--quiet", check=True)
    web.write({"web/made/a.js": "", ".gitignore": ".venv/\nweb/made/\n__pycache__/\n"})
    web.at(tmp_path / "loose").write({**TINY, "src/tiny/__init__.py": "LOOSE = 1\n"})
    web.uv("sync", "--no-editable")
    web.uv("pip", "install", "--quiet", str(tmp_path / "loose"))

    assert found(web) == {"tree-shadows-copy": "hurts", "artifact-dropped": "hurts", "not-locked": "note"}

    # Each by its remedy.
    web.edit("pyproject.toml", '["web/static"]', '["web/static", "web/made"]')
    web.uv("pip", "uninstall", "--quiet", "tiny")
    assert found(web) == {"tree-shadows-copy": "hurts"}


def test_a_project_without_a_build_system_installs_nothing(make: Make) -> None:
    project = make({"pyproject.toml": '[project]\nname = "bare"\nversion = "1"\nrequires-python = ">=3.10"\n'})
    project.uv("sync")

    assert found(project, status=1) == {"not-a-package": "breaks"}
