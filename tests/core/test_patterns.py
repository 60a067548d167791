"""gitignore patterns, against what gitignore(5) says."""

import pytest

from uvwatch.core.patterns import as_glob, decide, is_pattern


@pytest.mark.parametrize(
    ("patterns", "path", "include", "position"),
    [
        ((), "a", None, None),
        (("*.log",), "a.log", True, 0),
        (("*.log",), "deep/er/a.log", True, 0),
        (("*.log",), "a.txt", None, None),
        (("/a",), "a", True, 0),
        (("/a",), "b/a", None, None),
        (("a/b",), "a/b/c", True, 0),
        (("a/b",), "x/a/b", None, None),
        (("build/",), "build/", True, 0),
        (("build/",), "build", None, None),
        (("build/",), "build/x", True, 0),
        (("*.css", "!keep.css"), "keep.css", False, 1),
        (("*.css", "!keep.css"), "drop.css", True, 0),
        (("", "# words", "*.css"), "a.css", True, 2),
        (("***/!!/[", "*.css"), "a.css", True, 1),
        (("caf\udce9*",), "caf\udce9.css", True, 0),
    ],
)
def test_the_last_pattern_that_matches_decides(
    patterns: tuple[str, ...], path: str, *, include: bool | None, position: int | None
) -> None:
    assert decide(patterns, path) == (include, position)


@pytest.mark.parametrize(
    ("text", "expected"), [("*.css", True), ("", True), ("# words", True), ("!", False), ("/", True)]
)
def test_what_cannot_be_read_as_a_pattern_is_known(text: str, *, expected: bool) -> None:
    assert is_pattern(text) is expected


@pytest.mark.parametrize(
    ("pattern", "glob"),
    [
        ("/setup.py", "setup.py"),
        ("/tools/**", "tools/**/*"),
        ("/proto/**.proto", "proto/*.proto"),
        ("/a/**/***", "a/**/*"),
        (r"/a\[1\]\*.txt", "a[[]1[]][*].txt"),
        ("LICEN[CS]E*", "LICEN[CS]E*"),
    ],
)
def test_a_pattern_is_one_of_pathlibs_too(pattern: str, glob: str) -> None:
    assert as_glob(pattern) == glob
