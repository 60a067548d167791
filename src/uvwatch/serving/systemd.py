"""systemd's readiness protocol: datagrams to the socket that NOTIFY_SOCKET names (sd_notify(3)).

It knows the protocol. Nothing depends on an answer: who does not listen is not waited for.
"""

import socket
from collections.abc import Mapping
from contextlib import suppress

import anyio

from uvwatch.core.model import CycleFinished, CycleStarted, Event, HoldEnded, HoldStarted, Ready, Stopped, Warned
from uvwatch.serving.lines import lines_of

VARIABLE = "NOTIFY_SOCKET"
"""For this process alone: a build or a hook that inherited it could speak in its name."""

_PREFIX = "uvwatch: "


class Notifier:
    """Tells a service manager READY=1 once, STATUS= with every line, and STOPPING=1.

    Args:
        address: the path of a datagram socket, ``@name`` for an abstract one (Linux); None or empty tells nobody.
    """

    def __init__(self, address: str | None) -> None:
        # Other kinds of address (vsock:) are for virtual machines; sd_notify(3) has the rest refused as well.
        self._address = address if address and address[0] in "/@" else None

    def publish(self, event: Event) -> None:
        """Tell one event as far as the protocol has words for it."""
        match event:
            case Ready():
                self._send(f"READY=1\nSTATUS={_status(event)}")
            case CycleStarted() | CycleFinished() | Stopped():
                self._send(f"STATUS={_status(event)}")
            case Warned() | HoldStarted() | HoldEnded():
                return

    async def run(self) -> None:
        """Tell that the end begins as soon as this is cancelled: what else is cancelled may take a while to end."""
        try:
            await anyio.sleep_forever()
        finally:
            self._send("STOPPING=1\nSTATUS=stopping")

    def _send(self, text: str) -> None:
        if self._address is None or not hasattr(socket, "AF_UNIX"):
            return
        address = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            # A manager whose queue is full misses a status; it must not stop us.
            sender.setblocking(False)  # noqa: FBT003 - the standard library's own signature
            sender.sendto(text.encode("utf-8", "backslashreplace"), address)


def without(environ: Mapping[str, str]) -> dict[str, str]:
    """Give the environment for everything that is started."""
    return {name: value for name, value in environ.items() if name != VARIABLE}


def _status(event: Event) -> str:
    return lines_of(event)[-1].text.removeprefix(_PREFIX)
