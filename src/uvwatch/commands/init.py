"""The command that prints or writes what other programs need to run uvwatch: init.

One row of ``INTEGRATIONS`` for each; what is in the files their modules know.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from uvwatch.commands.options import common, request_of
from uvwatch.integrations import cache_keys, procfile, vscode, zed
from uvwatch.integrations.proposal import Proposal, require_inside, write
from uvwatch.project.workspace import Workspace, find
from uvwatch.serving.escape import escaped
from uvwatch.serving.jsonlines import SCHEMA, to_line

if TYPE_CHECKING:
    from uvwatch.keeping.site import Request

INTEGRATIONS: Mapping[str, Callable[[Workspace], Sequence[Proposal]]] = {
    "procfile": procfile.propose,
    "vscode": vscode.propose,
    "zed": zed.propose,
}

CACHE_KEYS = "cache-keys"
"""The one that has to know what is installed."""


@click.command(epilog="Example: uvwatch init procfile --write")
@common
@click.argument("what", type=click.Choice([*INTEGRATIONS, CACHE_KEYS]))
@click.option("--write", "writes", is_flag=True, help="Put it in place, keeping what is there.")
@click.pass_context
def init(ctx: click.Context, /, *, what: str, writes: bool, **options: Any) -> None:
    """Print what other programs need for this project.

    That is a file as it would stand beside what is there: for honcho and foreman (procfile), an editor (vscode, zed),
    or uv itself (cache-keys).
    """
    request, merged = request_of(ctx, options, {})
    workspace = find(request.project)
    # All of them are made before the first is written: what is broken there changes nothing.
    proposals = _cache_keys(request) if what == CACHE_KEYS else INTEGRATIONS[what](workspace)
    if writes and what == CACHE_KEYS:
        require_inside(proposals, workspace.root)
    for proposal in proposals:
        if writes and proposal.changes:
            write(proposal)
    for text in _told(proposals, workspace, writes=writes, as_json=merged["as_json"]):
        click.echo(text)


def _cache_keys(request: "Request") -> Sequence[Proposal]:
    """Ask what the wheel carries, which takes an environment, and say what the keys cannot do."""
    import anyio  # noqa: PLC0415 - see request_of

    from uvwatch.noticing import propose_cache_keys  # noqa: PLC0415 - see request_of

    proposals = anyio.run(propose_cache_keys, request)
    click.echo(f"uvwatch: {cache_keys.BLIND}", err=True)
    return proposals


def _told(proposals: Sequence[Proposal], workspace: Workspace, *, writes: bool, as_json: bool) -> list[str]:
    # Programs are told where it lies in the project, people how to open it from where they are.
    names = [os.path.relpath(proposal.path, workspace.project if as_json else Path.cwd()) for proposal in proposals]
    if as_json:
        return [
            to_line(
                {
                    "schema": SCHEMA,
                    "path": name,
                    "changes": proposal.changes,
                    "written": writes and proposal.changes,
                    "content": proposal.after,
                }
            )
            for name, proposal in zip(names, proposals, strict=True)
        ]
    if writes:
        return [
            f"wrote {escaped(name)}" if proposal.changes else f"{escaped(name)} has it already"
            for name, proposal in zip(names, proposals, strict=True)
        ]
    if len(proposals) == 1:
        return [(proposals[0].excerpt or proposals[0].after).removesuffix("\n")]
    texts = [f"# {escaped(name)}\n{each.excerpt or each.after}" for name, each in zip(names, proposals, strict=True)]
    return ["\n".join(texts).removesuffix("\n")]
