"""The commands that ask a running daemon: status, events, hold, stop."""

import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import click

from uvwatch.client import asking
from uvwatch.client.finding import Place
from uvwatch.client.following import follow
from uvwatch.client.holding import become, begin
from uvwatch.client.signals import ended_by_signals
from uvwatch.client.telling import Teller, Unread
from uvwatch.commands.options import FAILED, common, merged_options, place_of
from uvwatch.errors import Fatal
from uvwatch.project.pyproject import BrokenPyproject
from uvwatch.serving.escape import escaped

NOT_RUNNING = 3

_NONE = '{"schema":1,"running":false}'


@click.command(epilog="Example: uvwatch status --json")
@common
@click.pass_context
def status(ctx: click.Context, /, **options: Any) -> None:
    """Say what the running uvwatch does, and how its last cycle ended.

    Also who holds it, and what it watches.
    """
    merged = merged_options(ctx, options)
    place, teller = place_of(merged), Unread(merged["color"], os.environ)
    with ended_by_signals():
        found = asking.status(place.rendezvous, text=not merged["as_json"])
    if found is None:
        teller.line(_NONE if merged["as_json"] else escaped(f"no uvwatch runs for {place.prefix}"))
        ctx.exit(NOT_RUNNING)
    answer, raw = found
    for line in [raw] if merged["as_json"] else asking.status_lines(answer, datetime.now(timezone.utc)):
        teller.line(line)
    ctx.exit(0 if answer["fresh"] else FAILED)


@click.command(epilog="Example: uvwatch events --last")
@common
@click.option("--last", is_flag=True, help="Print the most recent cycle, and end.")
@click.pass_context
def events(ctx: click.Context, /, *, last: bool, **options: Any) -> None:
    """Print what the running uvwatch does as JSON lines.

    The last cycle first, then all that follows, until it stops.
    """
    merged = merged_options(ctx, options)
    place = place_of(merged)
    with ended_by_signals(status=0):
        running = follow(place.rendezvous, as_json=True, last=last, teller=Teller("never", os.environ))
    if not running:
        raise Fatal(f"no uvwatch runs for {place.prefix}", exit_code=NOT_RUNNING)


@click.command(
    epilog="Example: uvwatch hold -- npm run build",
    context_settings={"allow_interspersed_args": False},
)
@common
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
@click.pass_context
def hold(ctx: click.Context, /, *, command: tuple[str, ...], **options: Any) -> None:
    """Run COMMAND, a generator: no update starts until it ends.

    Then one does. Where no uvwatch runs, COMMAND just runs.
    """
    place = _place_to_meet(merged_options(ctx, options))
    with ended_by_signals():
        told = begin(place, command) if place is not None else {}
    become(command, {**os.environ, **told})


@click.command(epilog="Example: uvwatch stop")
@common
@click.pass_context
def stop(ctx: click.Context, /, **options: Any) -> None:
    """Have the running uvwatch stop, and wait until it is gone."""
    merged = merged_options(ctx, options)
    place = _place_to_meet(merged)
    if place is not None:
        with ended_by_signals():
            asking.stop(place.rendezvous)
    if merged["as_json"]:
        Unread(merged["color"], os.environ).line(_NONE)


def _place_to_meet(merged: Mapping[str, Any]) -> Place | None:
    """As ``place_of``; None where a pyproject.toml that does not parse hides it, and no daemon knew it whole."""
    try:
        return place_of(merged)
    except BrokenPyproject:
        return None
