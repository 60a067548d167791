"""``uvwatch hold``: the process becomes the command, and the connection that it keeps open is the hold.

So the exit status, the signals and the terminal are the command's own, and a hold cannot outlive its holder. It knows
how env(1) speaks of commands that cannot be run.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import NoReturn

from uvwatch.client.connection import PATIENCE, Connection, Lost, Silence, connect
from uvwatch.client.finding import Place
from uvwatch.client.telling import tell_silence
from uvwatch.errors import Fatal
from uvwatch.serving.protocol import HOLD, Op, Question

NOT_FOUND = 127
NOT_RUN = 126


def begin(place: Place, command: Sequence[str]) -> dict[str, str]:
    """Begin to hold, once no update runs, for as long as this process lives; without a daemon do nothing.

    Returns:
        the environment variables that tell the command of it.
    """
    silence = Silence(partial(tell_silence, place.rendezvous), patience=PATIENCE)
    connection = connect(place.rendezvous, deadline=None, silence=silence)
    if connection is None or not _begins(connection, command):
        return {}
    connection.hand_on()
    return {HOLD: str(place.prefix)}


def _begins(connection: Connection, command: Sequence[str]) -> bool:
    """Wait for the hold to begin; False if the daemon ends before."""
    with suppress(Lost):
        for answer in connection.ask(Question(op=Op.HOLD, command=tuple(command))):
            return bool(answer["event"] == "hold.started")
    return False


def become(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become the command.

    Raises:
        Fatal: it cannot be run; the exit status is that of env(1).
    """
    # Python ignores these two, and a command would inherit that.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execvpe(command[0], list(command), dict(environ))  # noqa: S606 - no shell is what is wanted
    except FileNotFoundError:
        raise Fatal(f"{command[0]}: no such command", exit_code=NOT_FOUND) from None
    except OSError as error:
        raise Fatal(f"{command[0]}: cannot be run ({error.strerror})", exit_code=NOT_RUN) from error
    except ValueError as error:  # an empty name, or a null byte
        raise Fatal(f"{command[0]!r} is no command: {error}", exit_code=NOT_RUN) from error
