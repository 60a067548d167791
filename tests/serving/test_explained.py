from dataclasses import replace

import pytest

from uvwatch.core.explain import Explained, Role
from uvwatch.serving.explained import explained_lines, explained_object, unknown_object

STYLE = Explained(
    path="app/a.css",
    role=Role.ARTIFACT,
    rule="git ignores it",
    distribution="app",
    installed=("app/a.css",),
    fresh=True,
    on_change="patch: it is put in place",
)


def test_the_text_says_role_rule_place_state_and_effect() -> None:
    assert explained_lines(STYLE) == (
        "app/a.css: artifact of app",
        "  rule: git ignores it",
        "  installed: app/a.css (fresh)",
        "  on change: patch: it is put in place",
    )


@pytest.mark.parametrize(("fresh", "word"), [(False, "app/a.css (stale)"), (None, "app/a.css")])
def test_the_state_of_the_copy_stands_behind_its_place(fresh: bool | None, word: str) -> None:
    assert explained_lines(replace(STYLE, fresh=fresh))[2] == f"  installed: {word}"


def test_what_is_installed_nowhere_says_so_and_how_it_gets_there() -> None:
    lines = explained_lines(replace(STYLE, installed=(), fresh=None, distribution=None, remedy="add a line"))

    assert lines[0] == "app/a.css: artifact"
    assert lines[2] == "  installed: nowhere"
    assert lines[4] == "  to have it in the wheel: add a line"


def test_the_object_has_the_keys_of_the_contract() -> None:
    assert explained_object(STYLE) == {
        "schema": 1,
        "path": "app/a.css",
        "role": "artifact",
        "rule": "git ignores it",
        "distribution": "app",
        "installed": ["app/a.css"],
        "fresh": True,
        "on_change": "patch: it is put in place",
        "remedy": None,
    }


def test_an_unknown_path_has_the_keys_of_a_known_one_and_no_role() -> None:
    unknown = unknown_object("x", "no such file")

    assert unknown.keys() == explained_object(STYLE).keys()
    assert (unknown["path"], unknown["role"], unknown["rule"]) == ("x", None, "no such file")
