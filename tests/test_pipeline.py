"""A pipeline of a real project whose environment's lock somebody holds, on a clock that runs fast."""

from pathlib import Path

import anyio
import pytest
from filelock import FileLock
from trio.testing import MockClock

from tests.keeping.conftest import make_site
from uvwatch.core.model import Action, Outcome, Trigger
from uvwatch.errors import FailureKind
from uvwatch.inbox import Hints
from uvwatch.installing.envlock import PATIENCE
from uvwatch.keeping.site import Site
from uvwatch.keeping.workshop import Workshop
from uvwatch.pipeline import Pipeline


@pytest.fixture
async def pipeline(tmp_path: Path) -> Pipeline:
    """One that has learned what the tree builds."""
    site: Site = make_site(tmp_path / "project", runtime=tmp_path)
    made = Pipeline(site, lambda _event: None, Workshop(site))
    await made.roster.open()
    [keeper] = made.keepers.values()
    await keeper.learn(keeper.wheel_files(), keeper.contents)
    return made


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(rate=60)})])
async def test_whoever_holds_the_environments_lock_too_long_fails_the_cycle_and_the_next_try_makes_it_good(
    pipeline: Pipeline,
) -> None:
    root, prefix = pipeline.site.workspace.root, pipeline.site.prefix
    (root / "src" / "pkg" / "__init__.py").write_text("VALUE = 2\n", encoding="utf-8")
    batches = await pipeline.look(Hints(everything=True))
    began = anyio.current_time()
    with FileLock(prefix / ".lock"):
        failed = await pipeline.cycle(Trigger.CHANGE, batches)
    assert anyio.current_time() - began >= PATIENCE
    [result] = failed.results
    assert result.error is not None
    assert result.error.kind is FailureKind.ENVIRONMENT
    assert result.error.message == (
        f"another program has held {prefix / '.lock'} for {PATIENCE:g} s: does a uv command still run?"
    )
    [keeper] = pipeline.keepers.values()
    installed = keeper.env.purelib / "pkg" / "__init__.py"
    assert installed.read_text(encoding="utf-8") == "VALUE = 1\n"

    good = await pipeline.cycle(Trigger.RETRY)
    assert (good.outcome, good.results[0].action) == (Outcome.UPDATED, Action.PATCH)
    assert installed.read_text(encoding="utf-8") == "VALUE = 2\n"
