"""The commands that do the work themselves: watch, check, explain."""

import os
from contextlib import suppress
from functools import partial
from typing import Any

import click

from uvwatch.client.following import follow as follow_events
from uvwatch.client.signals import ended_by_signals
from uvwatch.client.telling import Teller
from uvwatch.commands.options import (
    FAILED,
    cacheless,
    common,
    merged_options,
    place_of,
    request_of,
    scalars,
    settings,
)
from uvwatch.errors import AlreadyRunningError

CHECK_UNKNOWN = 2


@click.command(epilog="Example: uvwatch watch --settle 0.2")
@common
@settings()
@click.option("--follow", is_flag=True, help="If one runs already, print its lines until it stops.")
@click.pass_context
def watch(ctx: click.Context, /, *, follow: bool, **options: Any) -> None:
    """Bring the environment up to date, then keep it so."""
    if not follow:
        _watch(ctx, options)
    else:
        while not _followed(ctx, options):
            # Another one may have begun between the question and our own try.
            with suppress(AlreadyRunningError):
                _watch(ctx, options)
                return


def _watch(ctx: click.Context, options: dict[str, Any]) -> None:
    request, merged = request_of(ctx, options, scalars(options))
    import anyio  # noqa: PLC0415 - see request_of

    from uvwatch.session import watch as run  # noqa: PLC0415 - see request_of

    anyio.run(partial(run, request, as_json=merged["as_json"], color=merged["color"]))


def _followed(ctx: click.Context, options: dict[str, Any]) -> bool:
    """Print the lines of the daemon that runs until it stops; False if none does."""
    merged = merged_options(ctx, options)
    place, teller = place_of(merged), Teller(merged["color"], os.environ)
    with ended_by_signals(status=0):
        return follow_events(place.rendezvous, as_json=merged["as_json"], last=False, teller=teller)


@click.command(epilog="Example: uvwatch check || echo stale")
@common
@cacheless
@click.pass_context
def check(ctx: click.Context, /, **options: Any) -> None:
    """Say whether the installed copies are stale, and why.

    File by file; no source and nothing installed is changed.
    """
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
    """Say what PATH is, and what a change to it would do.

    Also which rule decided, where it is installed, and whether that copy is fresh.
    """
    request, merged = request_of(ctx, options, {})
    import anyio  # noqa: PLC0415 - see request_of

    from uvwatch.explaining import explain as run  # noqa: PLC0415 - see request_of

    ctx.exit(0 if anyio.run(partial(run, request, paths, as_json=merged["as_json"])) else FAILED)
