from pathlib import Path

import pytest
import tomli

from uvwatch.errors import Fatal
from uvwatch.integrations.cache_keys import Carried, cache_keys, propose

DEFAULTS = ["pyproject.toml", "setup.py", "setup.cfg"]
WEB = Carried(
    files=("web/__init__.py", "web/py.typed", "web/LICENSE", "web/site.css", "web/static/a.js", "one.py"),
    packages=("web",),
    generated=("web/static", "web/later"),
    inputs=("pyproject.toml", "README.md"),
)
HEAD = """\
# Of the project.
[project]
name = "web"  # the name
version = "1"
"""


def files(carried: Carried) -> list[str]:
    return [key["file"] for key in cache_keys(carried) if "file" in key]


def test_directories_are_named_by_the_kinds_in_them_and_generated_ones_whole() -> None:
    assert files(WEB) == [
        *DEFAULTS,
        "README.md",
        "web/later/**/*",
        "web/static/**/*",
        "web/**/*.{css,py,typed}",
        "web/LICENSE",
        "one.py",
    ]


def test_nothing_matches_compiled_python() -> None:
    generated = Carried(files=("app/pb/a_pb2.py", "app/pb/x.json"), packages=("app",), generated=("app/pb",), inputs=())

    assert files(generated) == [*DEFAULTS, "app/pb/**/*.{json,py}"]


def test_a_src_layout_keeps_uvs_own_key_for_it() -> None:
    carried = Carried(files=("src/a/b.py",), packages=("src/a",), generated=(), inputs=())

    assert cache_keys(carried)[3:] == ({"dir": "src"}, {"file": "src/a/**/*.py"})


def test_a_name_that_looks_like_a_glob_matches_itself() -> None:
    carried = Carried(files=("a/[x].css", "a/{y}"), packages=("a",), generated=(), inputs=())

    assert files(carried)[3:] == ["a/**/*.css", "a/?y?"]


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        HEAD.removesuffix("\n"),
        HEAD + "\n[tool.uv]\n# why\ndev-dependencies = []  # none\n\n[tool.ruff]\nline-length = 99\n",
        HEAD + '\n[tool.uv.sources]\nother = { path = "../other" }\n',
        HEAD + '\n[[tool.uv.index]]\nname = "x"\nurl = "https://example.org"\n',
        HEAD + '\n[tool.uv]\ncache-keys = ["setup.py", { git = { commit = true } }]  # mine\n\n[tool.uv.pip]\n',
        HEAD + '\n[tool.uv]\ncache-keys = [\n    { file = "pyproject.toml" },  # kept\n]\n',
    ],
)
def test_what_is_there_stays_and_a_second_time_adds_nothing(tmp_path: Path, text: str) -> None:
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(text)

    first = propose(pyproject, WEB)
    pyproject.write_text(first.after)
    second = propose(pyproject, WEB)

    assert first.changes
    assert not second.changes
    before, after = tomli.loads(text), tomli.loads(first.after)
    own = before.get("tool", {}).get("uv", {}).get("cache-keys", [])
    keys = after["tool"]["uv"].pop("cache-keys")
    assert keys[: len(own)] == own
    named = [key if isinstance(key, str) else key.get("file") for key in keys]
    assert set(named) >= set(files(WEB))
    assert len(named) == len(set(map(str, keys)))
    before.setdefault("tool", {}).setdefault("uv", {}).pop("cache-keys", None)
    assert after == before
    comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    assert all(f"#{comment}" in first.after for comment in comments)
    assert first.excerpt is not None
    assert tomli.loads(first.excerpt)["tool"]["uv"]["cache-keys"] == keys


@pytest.mark.parametrize(
    "text", ["[project\n", '[tool.uv]\ncache-keys = "x"\n', "tool = { uv = { package = true } }\n", "tool = 1\n"]
)
def test_what_cannot_be_added_to_is_refused_with_the_file_named(tmp_path: Path, text: str) -> None:
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(text)

    with pytest.raises(Fatal, match=r"pyproject\.toml"):
        propose(pyproject, WEB)
