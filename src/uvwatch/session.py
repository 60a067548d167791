"""One run of ``uvwatch watch``: the daemon between its first line and its last, and all that lives as long.

It knows in which order they begin and end. What the daemon does is known there.
"""

from dataclasses import replace

import anyio
import structlog
from anyio import to_thread

from uvwatch.core.model import Stopped
from uvwatch.daemon import Daemon
from uvwatch.display import LAST_WORDS, Display, display_for, tell_passed_over
from uvwatch.keeping.site import Request, Site, find_site
from uvwatch.keeping.workshop import Workshop
from uvwatch.presence import Presence
from uvwatch.serving import systemd
from uvwatch.serving.hub import Hub
from uvwatch.serving.report import utc_now
from uvwatch.serving.stream import StdoutClosed
from uvwatch.serving.systemd import Notifier
from uvwatch.signals import stopped_by_signals
from uvwatch.tasks import background

FAREWELL = 1.0
"""Seconds that clients have to hear of the end."""

log = structlog.get_logger()


async def watch(request: Request, *, as_json: bool, color: str) -> None:
    """Bring the environment up to date, then keep it so until a signal, or until nobody reads stdout.

    Raises:
        Fatal: it cannot begin: no project, no uv, nothing to keep fresh, or a daemon runs already.
    """
    notifier = Notifier(request.environ.get(systemd.VARIABLE))
    site = await to_thread.run_sync(find_site, replace(request, environ=systemd.without(request.environ)))
    tell_passed_over(site.uv)
    with Presence(site) as presence:
        display = display_for(request, as_json=as_json, color=color)
        try:
            await _watch(site, display, notifier, presence)
        except StdoutClosed:
            log.info("stdout.closed")
        finally:
            display.close()
            display.finish(LAST_WORDS)


async def _watch(site: Site, display: Display, notifier: Notifier, presence: Presence) -> None:
    hub = Hub(utc_now)
    async with background() as tasks:
        # It outlives the daemon's work: who listens hears of the end, who asks meanwhile of the stop.
        workshop = Workshop(site)
        daemon = Daemon(site, display, workshop, hub, notifier, presence)
        await presence.open(tasks, daemon.office)
        try:
            async with stopped_by_signals(), workshop:
                await daemon.run()
            daemon.stopping()
            display.close()
            display.publish(Stopped())
            notifier.publish(Stopped())
        finally:
            hub.publish(Stopped())
            with anyio.CancelScope(shield=True):
                await hub.end(FAREWELL)
