"""Whether anybody still reads what is written, found out without writing.

It knows how the kernel tells of a pipe, a socket or a terminal that lost its other end. What is written is not known
here.
"""

import select
import sys
from io import UnsupportedOperation

import anyio

from uvwatch.serving.stream import Sink


async def departed(sink: Sink) -> None:
    """Return once nobody can read what is written any more; never where that cannot be told (a file, in memory)."""
    if sys.platform == "linux":
        with select.epoll() as polled:
            try:
                # Errors and hang-ups are told although nothing is asked for.
                polled.register(sink.fileno(), 0)
            except (OSError, UnsupportedOperation):
                await anyio.sleep_forever()
            await anyio.wait_readable(polled)
    else:
        await anyio.sleep_forever()
