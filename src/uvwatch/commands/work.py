"""The commands that do the work: watch, sync, check, explain."""

import os
import time
from contextlib import suppress
from functools import partial
from typing import Any

import click

from uvwatch.client.connection import TooLate
from uvwatch.client.following import follow as follow_events
from uvwatch.client.signals import ended_by_signals
from uvwatch.client.syncing import sync as by_daemon
from uvwatch.client.telling import Teller, Unread
from uvwatch.commands.options import (
    FAILED,
    common,
    configure_log,
    merged_options,
    place_of,
    request_of,
    scalars,
    settings,
)
from uvwatch.errors import AlreadyRunningError, Fatal
from uvwatch.serving.protocol import HOLD, Wishes

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

    from uvwatch.daemon import watch as run  # noqa: PLC0415 - see request_of

    anyio.run(partial(run, request, as_json=merged["as_json"], color=merged["color"]))


def _followed(ctx: click.Context, options: dict[str, Any]) -> bool:
    """Print the lines of the daemon that runs until it stops; False if none does."""
    merged = merged_options(ctx, options)
    place, teller = place_of(merged), Teller(merged["color"], os.environ)
    with ended_by_signals(status=0):
        return follow_events(place.rendezvous, as_json=merged["as_json"], last=False, teller=teller)


@click.command(epilog="Example: uvwatch sync && pytest")
@common
@settings(but="editable")
@click.option("--reinstall", is_flag=True, help="Forget what was learned and go through uv.")
@click.option("--editable/--no-editable", "mode", default=None, help="Also change the mode.")
@click.option("--timeout", type=float, default=300.0, metavar="S", help="Give up after so many seconds (300).")
@click.pass_context
def sync(ctx: click.Context, /, *, reinstall: bool, mode: bool | None, timeout: float, **options: Any) -> None:
    """Return once everything saved before the call is installed."""
    if HOLD in os.environ:
        raise Fatal(f"{HOLD} is set: a sync inside of a hold would wait for its own end; run it after the hold")
    deadline = time.monotonic() + timeout
    merged = merged_options(ctx, options)
    place, teller = place_of(merged), Unread(merged["color"], os.environ)
    wishes = Wishes(
        packages=tuple(merged["packages"]) or None,
        reinstall=reinstall,
        editable=mode,
        options={name: value for name, value in scalars(options).items() if value is not None},
    )
    try:
        with ended_by_signals():
            status = by_daemon(place.rendezvous, wishes, deadline=deadline, as_json=merged["as_json"], teller=teller)
    except TooLate:
        _tell_timeout(merged, timeout)
        status = FAILED
    if status is None:
        status = _sync_alone(ctx, options, max(0.0, deadline - time.monotonic()), reinstall=reinstall, editable=mode)
    ctx.exit(status)


def _tell_timeout(merged: dict[str, Any], seconds: float) -> None:
    configure_log(merged)
    import structlog  # noqa: PLC0415 - see request_of

    message = f"not fresh within {seconds:g} s; see --timeout, and `uvwatch status` for what the daemon does"
    structlog.get_logger().error("sync.timeout", seconds=seconds, message=message)


def _sync_alone(ctx: click.Context, options: dict[str, Any], timeout: float, **extra: Any) -> int:
    request, merged = request_of(ctx, options, scalars(options), **extra)
    import anyio  # noqa: PLC0415 - see request_of

    from uvwatch.once import sync as run  # noqa: PLC0415 - see request_of

    return anyio.run(partial(run, request, timeout=timeout, as_json=merged["as_json"], color=merged["color"]))


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
