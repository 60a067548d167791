"""The command that looks after project, environment and machine: doctor."""

from functools import partial
from typing import Any

import click

from uvwatch.commands.options import FAILED, common, request_of


@click.command(epilog="Example: uvwatch doctor --json")
@common
@click.pass_context
def doctor(ctx: click.Context, /, **options: Any) -> None:
    """Say what keeps uvwatch from its job, and what to do about it."""
    request, merged = request_of(ctx, options, {})
    import anyio  # noqa: PLC0415 - see request_of

    from uvwatch.doctor import doctor as run  # noqa: PLC0415 - see request_of

    ctx.exit(0 if anyio.run(partial(run, request, as_json=merged["as_json"])) else FAILED)
