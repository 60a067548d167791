"""``uvwatch explain`` from outside: a project of hatchling's with every kind of path, asked once for all of them."""

import json
from pathlib import Path
from typing import Any

from tests.e2e.conftest import WEB, Make, Project

FILES = {
    **WEB,
    ".gitignore": ".venv/\nweb/static/\n__pycache__/\nweb/made/\n",
    "README.md": "Web.\n",
    "web/static/site.css": "a {}\n",
    "web/made/bundle.js": "b\n",
    "web/other/x.txt": "x\n",
    "node_modules/thing/index.js": "",
    "notes.txt": "left out\n",
    "web/empty/deep/.keep": "",
}


def explained(project: Project, *paths: str | Path) -> list[dict[str, Any]]:
    done = project.uvwatch("explain", "--json", *map(str, paths))
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_path_is_explained_by_role_rule_place_and_effect(make: Make, tmp_path: Path) -> None:
    web = make(FILES)
    web.edit("pyproject.toml", 'version = "1.0"', 'version = "1.0"\nreadme = "README.md"')
    web.run("git", "init", "--quiet", check=True)
    (web.root / "web" / "link.css").symlink_to("static/site.css")
    web.uv("sync", "--no-editable")
    web.at(web.site).write({"web/migrations/0001.py": ""})
    away = tmp_path / "through"
    away.symlink_to(web.root, target_is_directory=True)
    site = web.site.relative_to(web.root)
    paths = {
        "web/__init__.py": "source",
        "web/static/site.css": "artifact",
        "web/made/bundle.js": "not in the wheel",
        "pyproject.toml": "build input",
        "README.md": "build input",
        "uv.lock": "build input",
        "notes.txt": "not in the wheel",
        "node_modules/thing/index.js": "ignored",
        "node_modules": "ignored",
        ".git/HEAD": "ignored",
        ".git": "ignored",
        "web/link.css": "source",
        "web/static": "artifact",
        "web/made": "not in the wheel",
        "web": "source",
        str(site / "web/__init__.py"): "source",
        str(site / "web/migrations/0001.py"): "foreign",
        str(site / "web/static"): "artifact",
        ".venv/pyvenv.cfg": "ignored",
        str(away / "web/static/site.css"): "artifact",
        str(away / site / "web/static/site.css"): "artifact",
    }
    before = web.files()

    by_path = dict(zip(paths, explained(web, *paths), strict=True))

    assert {path: each["role"] for path, each in by_path.items()} == paths
    style = by_path["web/static/site.css"]
    assert style["rule"] == "pyproject.toml: tool.hatch.build.targets.wheel.artifacts[0] = web/static"
    assert (style["installed"], style["fresh"]) == (["web/static/site.css"], True)
    assert style["on_change"].startswith("patch: ")
    assert by_path[str(away / site / "web/static/site.css")] == style
    made = by_path["web/made/bundle.js"]
    assert made["rule"].startswith("git ignores it (.gitignore: web/made/), and the build backend left it out")
    assert (made["installed"], made["fresh"]) == ([], None)
    line = 'artifacts = ["web/static", "web/made"]'
    for each in (made, by_path["web/made"]):
        assert f"`{line}` under [tool.hatch.build.targets.wheel] in pyproject.toml" in each["remedy"]
    assert "pyproject.toml: project.readme" in by_path["README.md"]["rule"]
    assert by_path["web/link.css"]["rule"].endswith("it is a symbolic link to static/site.css")
    assert by_path["web"]["installed"] == ["web/"]
    assert web.files() == before

    web.edit("pyproject.toml", 'artifacts = ["web/static"]', line)
    web.write({"web/__init__.py": "VALUE = 2\n"})
    [taken, edited] = explained(web.at(web.root / "web"), "made/bundle.js", "__init__.py")
    assert (taken["role"], taken["installed"], taken["fresh"]) == ("artifact", ["web/made/bundle.js"], False)
    assert (edited["path"], edited["fresh"]) == ("web/__init__.py", False)


def test_what_is_nowhere_or_of_nobody_is_one_sentence_each_and_exit_status_1(tiny: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    paths = ("nothing.py", str(tmp_path / "elsewhere"), "", "src/tiny/a.css")

    done = tiny.uvwatch("explain", *paths)

    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if not line.startswith(" ")] == ["src/tiny/a.css: source of tiny"]
    missing, outside, empty = done.stderr.splitlines()
    assert missing == "uvwatch: nothing.py: no such file"
    assert "outside of every local distribution" in outside
    assert empty == "uvwatch: : an empty path names nothing"
    told = [json.loads(line) for line in tiny.uvwatch("explain", "--json", *paths).stdout.splitlines()]
    assert [(each["path"], each["role"]) for each in told] == [*zip(paths, (None, None, None, "source"), strict=True)]


def test_a_source_that_is_gone_and_a_name_that_no_wheel_may_have_are_told_as_check_and_sync_see_them(
    tiny: Project,
) -> None:
    (tiny.root / "src/tiny/a.css").unlink()
    place = tiny.site.relative_to(tiny.root) / "tiny/a.css"

    [gone, installed] = explained(tiny, "src/tiny/a.css", place)

    assert gone == installed
    assert (gone["path"], gone["role"], gone["installed"]) == ("src/tiny/a.css", "source", ["tiny/a.css"])
    assert (gone["fresh"], gone["on_change"]) == (False, "nothing: the next update removes the installed copy")
    tiny.write({"src/tiny/a\nb": ""})
    [odd] = explained(tiny, "src/tiny/a\nb")
    assert odd["rule"] == "its name holds a line break, which no wheel may"
    assert odd["on_change"] == "nothing: no update is made as long as it is there"
    (tiny.root / "src/tiny/a\nb").unlink()
    assert tiny.uvwatch("sync").returncode == 0
    assert tiny.uvwatch("explain", "src/tiny/a.css").returncode == 1


def test_without_an_installed_copy_there_is_nothing_to_explain_by(make: Make) -> None:
    project = make({"pyproject.toml": FILES["pyproject.toml"], "web/__init__.py": "", "hatch_build.py": ""})

    done = project.uvwatch("explain", "web/__init__.py")

    assert (done.returncode, done.stdout) == (2, "")
    assert "run `uvwatch sync`" in done.stderr
