"""One update of a real project in a real environment."""

from dataclasses import replace

import anyio
import pytest

from tests.keeping.conftest import PYPROJECT, write
from uvwatch.core.model import Action
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.updating import update
from uvwatch.keeping.workshop import Workshop


@pytest.mark.anyio
async def test_a_file_that_is_written_again_after_the_look_is_put_in_place_as_it_is_now(keeper: Keeper) -> None:
    await keeper.learn(keeper.wheel_files(), keeper.contents)
    write(keeper, "src/pkg/__init__.py", "VALUE = 2\n")
    await keeper.look()
    judgement = await keeper.judge()
    write(keeper, "src/pkg/__init__.py", "VALUE = 2\nMORE = 3\n")

    async with Workshop(keeper.site) as workshop:
        done = await update(keeper, workshop, judgement, editable=False, by_uv=False, on_line=lambda _line: None)

    assert (done.action, done.delta.changed) == (Action.PATCH, ("pkg/__init__.py",))
    assert (keeper.env.purelib / "pkg" / "__init__.py").read_text(encoding="utf-8") == "VALUE = 2\nMORE = 3\n"


@pytest.mark.anyio
async def test_a_copy_that_another_program_changed_too_is_not_just_patched(keeper: Keeper) -> None:
    write(keeper, "src/pkg/a.css", "a")
    await keeper.look()
    async with Workshop(keeper.site) as workshop:
        lost = await keeper.judge()
        await update(keeper, workshop, lost, editable=False, by_uv=False, on_line=lambda _line: None)
        write(keeper, "src/pkg/a.css", "b")
        (keeper.env.purelib / "pkg" / "__init__.py").write_text("OLD = 1\n", encoding="utf-8")
        await keeper.look()
        judgement = await keeper.judge()
        done = await update(keeper, workshop, judgement, editable=False, by_uv=False, on_line=lambda _line: None)

    assert done.action is not Action.PATCH
    assert (keeper.env.purelib / "pkg" / "__init__.py").read_text(encoding="utf-8") == "VALUE = 1\n"
    assert (keeper.env.purelib / "pkg" / "a.css").read_text(encoding="utf-8") == "b"


@pytest.mark.anyio
async def test_a_reinstall_leaves_bytecode_of_every_module_where_it_is_asked_for(keeper: Keeper) -> None:
    environ = {**keeper.site.environ, "UV_COMPILE_BYTECODE": "1"}
    keeper.take(replace(keeper.site, request=replace(keeper.site.request, environ=environ)))
    compiled = keeper.env.purelib / "pkg" / "__pycache__"
    write(keeper, "src/pkg/more.py", "MORE = 1\n")
    await keeper.look()
    async with Workshop(keeper.site) as workshop:
        for _ in range(2):  # by the second all modules are as they were
            lost = await keeper.judge()
            done = await update(keeper, workshop, lost, editable=False, by_uv=True, on_line=lambda _line: None)
            assert done.action is Action.REINSTALL
            assert {path.name.partition(".")[0] for path in compiled.glob("*.pyc")} == {"__init__", "more"}
            write(keeper, "pyproject.toml", PYPROJECT.replace('version = "1"', 'version = "1"\ndescription = "x"'))
            await keeper.look()


@pytest.mark.anyio
async def test_a_workshop_that_is_given_up_while_it_opens_leaves_nothing_open(keeper: Keeper) -> None:
    with anyio.CancelScope() as given_up:
        given_up.cancel()
        async with Workshop(keeper.site):
            await anyio.sleep_forever()
    assert given_up.cancelled_caught
