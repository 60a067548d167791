"""What to look at: the order of the rules, and that nothing a wheel carries is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core.rules import GIT_IGNORED, Artifact, Rules, directory, file, file_in, never_by_name, place

STATIC = Artifact(pattern="myapp/staticfiles", key="tool.hatch.build.targets.wheel.artifacts[0]")
DEEP = Artifact(pattern="/gen/*/out/", key="tool.uvwatch.artifacts[0]")
ANYWHERE = Artifact(pattern="*.mo", key="tool.uvwatch.artifacts[1]")
NEGATED = Artifact(pattern="!myapp/staticfiles/tmp/", key="tool.uvwatch.artifacts[2]")
VERSION = Artifact(pattern="/made/version.txt", key="tool.setuptools.dynamic.version.file")
IN_TOOL = Artifact(pattern="web/node_modules/kit", key="tool.uvwatch.artifacts[3]")

RULES = Rules(
    ignore=("*.orig", "/scratch/"),
    artifacts=(STATIC, DEEP, ANYWHERE, NEGATED, IN_TOOL),
    inputs=(VERSION,),
    packages=frozenset({"myapp", "src/other"}),
    nested=frozenset({"packages/member"}),
)


@pytest.mark.parametrize(
    ("path", "git_ignored", "look", "rule"),
    [
        ("", True, True, "the root"),
        (".git", False, False, "version control"),
        ("myapp/.git", False, False, "version control"),
        ("myapp/__pycache__", False, False, "compiled Python"),
        ("myapp/staticfiles/__pycache__", False, False, "compiled Python"),
        (".uvwatch", False, False, "uvwatch's own state"),
        ("scratch", False, False, 'tool.uvwatch.ignore[1], "/scratch/"'),
        ("scratch/deep", False, False, "tool.uvwatch.ignore[1]"),
        ("packages", False, True, "no rule"),
        ("packages/member", False, False, "packages/member is another distribution"),
        ("packages/member/src", False, False, "packages/member is another distribution"),
        ("packages/member2", False, True, "no rule"),
        ("myapp/staticfiles", True, True, '"myapp/staticfiles" (tool.hatch.build.targets.wheel.artifacts[0])'),
        ("myapp/staticfiles/css", True, True, '"myapp/staticfiles"'),
        ("gen", True, True, 'on the way to artifact pattern "/gen/*/out/" (tool.uvwatch.artifacts[0])'),
        ("gen/a", True, True, "on the way to"),
        ("gen/a/out", True, True, 'artifact pattern "/gen/*/out/"'),
        ("gen/a/out/deep", True, True, 'artifact pattern "/gen/*/out/"'),
        ("gen/a/other", True, False, "git ignores it"),
        ("gen/.venv", True, False, ".venv is a tool's own directory"),
        ("generated", True, False, "git ignores it"),
        ("web/node_modules", True, True, "on the way to"),
        ("web/node_modules/kit", True, True, "artifact pattern"),
        ("web/node_modules/kit/dist", True, True, "artifact pattern"),
        ("web/node_modules/other", True, False, "node_modules is a tool's own directory"),
        ("node_modules", False, False, "node_modules is a tool's own directory"),
        ("node_modules/a/b", False, False, "node_modules is a tool's own directory"),
        (".mesonpy-x1y2", False, False, "tool's own directory"),
        ("made", True, True, 'on the way to build input pattern "/made/version.txt" (tool.setuptools.dynamic'),
        ("myapp.egg-info", False, False, "tool's own directory"),
        ("myapp", True, True, "on the way to artifact pattern"),
        ("myapp/deep", True, True, "the wheel carries files of myapp"),
        ("src", True, True, "it holds a directory of which the wheel carries files"),
        ("src/other", True, True, "the wheel carries files of src/other"),
        ("src/another", True, False, "git ignores it"),
        ("src/another", False, True, "no rule"),
        ("myapp2", True, False, "git ignores it"),
        ("build", False, False, "build is where builds are put"),
        ("dist/deep", False, False, "dist is where builds are put"),
        ("myapp/build", False, True, "the wheel carries"),
        ("docs/build", False, True, "no rule"),
    ],
)
def test_the_rules_for_a_directory_hold_in_their_order(path: str, *, git_ignored: bool, look: bool, rule: str) -> None:
    verdict = directory(RULES, path, git_ignored=git_ignored)
    assert verdict.look is look
    assert rule in verdict.rule


@pytest.mark.parametrize(
    ("path", "git_ignored", "look", "rule"),
    [
        ("pyproject.toml", False, True, "no rule"),
        (".coverage", True, False, "git ignores it"),
        ("myapp/generated.py", True, True, "the wheel carries files of myapp"),
        ("myapp/generated.pyc", False, False, "compiled Python"),
        ("myapp/a.orig", False, False, "tool.uvwatch.ignore[0]"),
        ("locale/de/app.mo", True, True, 'artifact pattern "*.mo"'),
        ("locale/de/app.po", True, False, "git ignores it"),
        ("gen/a/out/x.js", True, True, "artifact pattern"),
        ("gen/a/x.js", True, False, "git ignores it"),
        ("web/node_modules/index.js", False, False, "tool's own directory"),
        ("src/module.py", True, False, "git ignores it"),
        ("src/module.py", False, True, "no rule"),
        ("build/lib/a.py", False, False, "where builds are put"),
        ("packages/member/a.py", False, False, "another distribution"),
        (".git/index", False, False, "version control"),
    ],
)
def test_the_rules_for_a_file_hold_in_their_order(path: str, *, git_ignored: bool, look: bool, rule: str) -> None:
    verdict = file(RULES, path, git_ignored=git_ignored)
    assert verdict.look is look
    assert rule in verdict.rule


def test_a_root_that_carries_modules_has_its_files_looked_at_and_not_what_is_below() -> None:
    rules = Rules(packages=frozenset({""}))
    assert file(rules, "module.py", git_ignored=True).look
    assert not file(rules, "below/module.py", git_ignored=True).look
    assert not directory(rules, "build", git_ignored=False).look
    assert not directory(rules, "below", git_ignored=True).look


def test_a_negated_artifact_pattern_leaves_the_decision_to_the_rules_after_it() -> None:
    rules = Rules(artifacts=(STATIC, NEGATED))
    assert directory(rules, "myapp/staticfiles/css", git_ignored=True).look
    assert not directory(rules, "myapp/staticfiles/tmp", git_ignored=True).look


def test_a_tools_directory_that_the_wheel_is_known_to_carry_is_looked_at() -> None:
    rules = Rules(packages=frozenset({"myapp/static/node_modules"}))
    assert directory(rules, "myapp/static/node_modules", git_ignored=True).look
    assert directory(rules, "myapp/static/node_modules/kit", git_ignored=True).look
    assert not directory(rules, "myapp/node_modules", git_ignored=True).look


@pytest.mark.parametrize(
    "name",
    [
        "a.pyc", "a.pyo", "a.py~", ".a.py.swp", ".a.py.swx", "4913", ".#a.py", "#a.py#", "a.py___jb_tmp___",
        "a.py___jb_old___", ".a.py.kate-swp", ".DS_Store", ".goutputstream-X1Y2", ".nfs000000000123abcd",
        ".fuse_hidden0001", ".~lock.a.odt#",
    ],
)  # fmt: skip
def test_files_of_editors_and_of_the_interpreter_are_never_looked_at(name: str) -> None:
    assert never_by_name(name)
    assert not file(RULES, f"myapp/{name}", git_ignored=False).look


@pytest.mark.parametrize(
    "name", ["a.py", "49130", "4913.css", ".gitignore", "swp", "a.swp.css", "#1.css", ".env", "a#"]
)
def test_names_that_only_look_alike_are_looked_at(name: str) -> None:
    assert not never_by_name(name)
    assert file(RULES, f"myapp/{name}", git_ignored=False).look


NAMES = st.sampled_from(["a", "b", "src", "myapp", "build", "node_modules", ".venv", "gen", "out", "x.egg-info"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@given(path=PATHS, packages=st.frozensets(PATHS, max_size=3), git_ignored=st.booleans())
def test_every_directory_known_to_carry_files_and_every_one_above_it_is_looked_at(
    path: str, packages: frozenset[str], *, git_ignored: bool
) -> None:
    rules = Rules(packages=packages | {path})
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        assert directory(rules, "/".join(parts[:depth]), git_ignored=git_ignored).look
    assert file(rules, f"{path}/f.py", git_ignored=git_ignored).look


@given(path=PATHS, packages=st.frozensets(PATHS, max_size=3))
def test_what_git_does_not_ignore_is_looked_at_wherever_what_git_ignores_is(
    path: str, packages: frozenset[str]
) -> None:
    rules = Rules(packages=packages)
    if directory(rules, path, git_ignored=True).look:
        assert directory(rules, path, git_ignored=False).look


@given(path=PATHS, artifacts=st.lists(PATHS, max_size=3), ignore=st.lists(PATHS, max_size=2))
def test_a_scan_that_asks_once_a_directory_comes_to_the_same_verdict_on_a_file(
    path: str, artifacts: list[str], ignore: list[str]
) -> None:
    rules = Rules(
        ignore=tuple(ignore),
        artifacts=tuple(Artifact(pattern=text, key="k") for text in artifacts),
        packages=frozenset({"src/myapp"}),
    )
    parent, _, _ = path.rpartition("/")
    quick = file_in(rules, place(rules, parent), path)
    assert file(rules, path, git_ignored=True) == (quick or GIT_IGNORED)
    assert file(rules, path, git_ignored=False) == (quick or place(rules, parent).otherwise)
