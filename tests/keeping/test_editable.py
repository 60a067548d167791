"""What is looked at of a distribution that is installed editable."""

from dataclasses import replace

import pytest

from tests.keeping.conftest import PYPROJECT, write
from uvwatch.keeping.editable import EditableKeeper
from uvwatch.keeping.keeper import Keeper

TOOLS = """backend-path = ["tools"]
[tool.uv]
cache-keys = [{ file = "proto/**.proto" }, { file = "deep/**/*.txt" }, { file = "proto/***" }]
[tool.pdm.version]
path = "a[1].txt"
"""


@pytest.mark.anyio
async def test_inputs_are_those_that_the_patterns_name_as_git_reads_them(keeper: Keeper) -> None:
    found = ("a[1].txt", "deep/a.txt", "proto/a.proto", "tools/backend.py")
    for name in (*found, "a1.txt", "deep/a.css"):
        write(keeper, name, name)
    write(keeper, "pyproject.toml", PYPROJECT + TOOLS)
    editable = EditableKeeper(keeper.site, keeper.env, replace(keeper.distribution, editable=True), ())
    await editable.look()
    assert sorted(editable.contents) == sorted((*found, "pyproject.toml"))
