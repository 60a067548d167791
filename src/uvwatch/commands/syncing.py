"""The command that makes the environment fresh once: sync, through the running daemon if there is one.

It has a module of its own because it is called often: what it does not need is not imported, no other command is made.
"""

import os
import time
from functools import partial
from typing import Any

import click

from uvwatch.client.connection import TooLate
from uvwatch.client.signals import ended_by_signals
from uvwatch.client.syncing import sync as by_daemon
from uvwatch.client.telling import Unread
from uvwatch.commands.options import (
    FAILED,
    cacheless,
    common,
    configure_log,
    merged_options,
    place_of,
    request_of,
    scalars,
    settings,
)
from uvwatch.errors import Fatal
from uvwatch.serving.protocol import HOLD, Wishes


def _seconds(_ctx: click.Context, _param: click.Parameter, value: float) -> float:
    if value >= 0:
        return value
    raise click.BadParameter(f"must be a number of seconds, 0 or more, not {value:g}")


@click.command(epilog="Example: uvwatch sync && pytest")
@common
@settings(but="editable")
@click.option("--reinstall", is_flag=True, help="Forget what was learned and go through uv.")
@click.option("--editable/--no-editable", "mode", default=None, help="Also change the mode.")
@click.option(
    "--timeout",
    type=float,
    callback=_seconds,
    default=300.0,
    metavar="S",
    help="Give up after so many seconds (300).",
)
@cacheless
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
        _tell_timeout(merged, timeout, "see --timeout, and `uvwatch status` for what the daemon does")
        status = FAILED
    if status is None:
        left = deadline - time.monotonic()
        if left > 0:
            status = _sync_alone(ctx, options, timeout, left, reinstall=reinstall, editable=mode)
        else:
            _tell_timeout(merged, timeout, "see --timeout")
            status = FAILED
    ctx.exit(status)


def _tell_timeout(merged: dict[str, Any], seconds: float, see: str) -> None:
    configure_log(merged)
    import structlog  # noqa: PLC0415 - see request_of

    message = f"not fresh within {seconds:g} s; {see}"
    structlog.get_logger().error("sync.timeout", seconds=seconds, message=message)


def _sync_alone(ctx: click.Context, options: dict[str, Any], timeout: float, left: float, **extra: Any) -> int:
    request, merged = request_of(ctx, options, scalars(options), **extra)
    import anyio  # noqa: PLC0415 - see request_of

    from uvwatch.once import sync as run  # noqa: PLC0415 - see request_of

    return anyio.run(
        partial(run, request, timeout=timeout, left=left, as_json=merged["as_json"], color=merged["color"])
    )
