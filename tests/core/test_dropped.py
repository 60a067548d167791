"""What the wheel lacks, by what the last build saw and carried."""

import pytest

from uvwatch.core.dropped import Dropped, dropped
from uvwatch.core.model import Content
from uvwatch.core.origins import learn
from uvwatch.core.patterns import decide
from uvwatch.core.plan import Learned
from uvwatch.core.rules import Artifact, Rules

RULES = Rules(packages=frozenset({"src/app"}))
CARRIED = ("src/app/__init__.py", "src/app/site.css")
GITIGNORE = ("static/", "*.mo", "media/", "*.log", ".cache/", "*.pot")


def learned(*left: str) -> Learned:
    tree = {path: Content(path, executable=False) for path in (*CARRIED, *left)}
    wheel = {path.removeprefix("src/"): tree[path] for path in CARRIED}
    return Learned(tree=tree, wheel=wheel, origins=learn(wheel, tree))


def found(*left: str, artifacts: tuple[Artifact, ...] = ()) -> tuple[Dropped, ...]:
    rules = Rules(packages=RULES.packages, artifacts=artifacts)
    return dropped(learned(*left), rules, ignored=lambda path: decide(GITIGNORE, path).include is True)


def test_a_git_ignored_directory_of_a_package_is_told_once_with_its_files() -> None:
    assert found("src/app/static/a.css", "src/app/static/deep/b.css") == (
        Dropped(
            path="src/app/static",
            is_directory=True,
            files=("src/app/static/a.css", "src/app/static/deep/b.css"),
            place="app/static",
        ),
    )


def test_generated_kinds_that_lie_among_sources_are_told_by_their_ending() -> None:
    [one] = found("src/app/locale/de/x.mo", "src/app/locale/fr/x.mo")

    assert (one.path, one.is_directory, len(one.files)) == ("src/app/**/*.mo", False, 2)


@pytest.mark.parametrize(
    "left",
    [
        "src/app/notes.txt",  # git knows it: the backend has its reasons
        "src/app/x.log",  # ignored by its name, and of no generator
        "src/app/media/upload.png",  # what a run of the program left
        "src/app/.cache/x",
        "static/of_no_package.css",
    ],
)
def test_what_nobody_wants_in_a_wheel_is_not_told(left: str) -> None:
    assert found(left) == ()


def test_a_twin_of_a_carried_file_is_not_told() -> None:
    known = learned("src/app/static/copy.css")
    tree = {**known.tree, "src/app/static/copy.css": known.tree["src/app/site.css"]}
    twin = Learned(tree=tree, wheel=known.wheel, origins=known.origins)

    assert dropped(twin, RULES, ignored=lambda path: decide(GITIGNORE, path).include is True) == ()


@pytest.mark.parametrize(
    ("pattern", "path", "is_directory"),
    [
        ("out/bundle", "out/bundle", True),
        ("/out/bundle/**", "out/bundle", True),
        ("out/*", "out/bundle", True),
        ("*.js", "out/bundle/a.js", False),
    ],
)
def test_what_a_setting_names_is_told_wherever_it_lies(pattern: str, path: str, is_directory: bool) -> None:
    [one] = found("out/bundle/a.js", artifacts=(Artifact(pattern=pattern, key="tool.uvwatch.artifacts[0]"),))

    assert (one.path, one.is_directory, one.key) == (path, is_directory, "tool.uvwatch.artifacts[0]")
