"""The commands that do the work: watch, sync, check, explain."""

from functools import partial
from typing import Any

import click

from uvwatch.commands.options import FAILED, common, request_of, scalars, settings
from uvwatch.errors import Fatal

CHECK_UNKNOWN = 2


@click.command(epilog="Example: uvwatch watch --settle 0.2")
@common
@settings()
@click.option("--follow", is_flag=True, hidden=True)
@click.pass_context
def watch(ctx: click.Context, /, *, follow: bool, **options: Any) -> None:
    """Bring the environment up to date, then keep it so."""
    if follow:
        raise Fatal("--follow is not available yet in this version of uvwatch")
    request, merged = request_of(ctx, options, scalars(options))
    import anyio  # noqa: PLC0415 - see request_of

    from uvwatch.daemon import watch as run  # noqa: PLC0415 - see request_of

    anyio.run(partial(run, request, as_json=merged["as_json"], color=merged["color"]))


@click.command(epilog="Example: uvwatch sync && pytest")
@common
@settings(but="editable")
@click.option("--reinstall", is_flag=True, help="Forget what was learned and go through uv.")
@click.option("--editable/--no-editable", "mode", default=None, help="Also change the mode.")
@click.option("--timeout", type=float, default=300.0, metavar="S", help="Give up after so many seconds (300).")
@click.pass_context
def sync(ctx: click.Context, /, *, reinstall: bool, mode: bool | None, timeout: float, **options: Any) -> None:
    """Return once everything saved before the call is installed."""
    request, merged = request_of(ctx, options, scalars(options), reinstall=reinstall, editable=mode)
    import anyio  # noqa: PLC0415 - see request_of

    from uvwatch.once import sync as run  # noqa: PLC0415 - see request_of

    ctx.exit(anyio.run(partial(run, request, timeout=timeout, as_json=merged["as_json"], color=merged["color"])))


@click.command(epilog="Example: uvwatch check || echo stale")
@common
@click.pass_context
def check(ctx: click.Context, /, **options: Any) -> None:
    """Say whether the installed copies are stale, file by file, and why."""
    request, merged = request_of(ctx, options, {})
    import anyio  # noqa: PLC0415 - see request_of

    from uvwatch.once import check as run  # noqa: PLC0415 - see request_of

    fresh = anyio.run(partial(run, request, as_json=merged["as_json"]))
    ctx.exit(CHECK_UNKNOWN if fresh is None else 0 if fresh else FAILED)


@click.command(epilog="Example: uvwatch explain myapp/static/css/site.css")
@common
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.pass_context
def explain(ctx: click.Context, /, *, paths: tuple[str, ...], **options: Any) -> None:
    """Say what PATH is, which rule decided, where it is installed, and what a change to it would do."""
    request, merged = request_of(ctx, options, {})
    import anyio  # noqa: PLC0415 - see request_of

    from uvwatch.explaining import explain as run  # noqa: PLC0415 - see request_of

    ctx.exit(0 if anyio.run(partial(run, request, paths, as_json=merged["as_json"])) else FAILED)
