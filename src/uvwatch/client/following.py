"""Following a daemon's events: ``uvwatch events`` and ``uvwatch watch --follow``."""

from uvwatch.client.connection import Lost, connect
from uvwatch.client.telling import Teller
from uvwatch.errors import Fatal
from uvwatch.project.rendezvous import Rendezvous
from uvwatch.serving.protocol import Op, Question
from uvwatch.serving.stream import StdoutClosed

_KILLED = "the uvwatch that was followed ended without a word: was it killed, or too far ahead of whoever reads?"


def follow(place: Rendezvous, *, as_json: bool, last: bool, teller: Teller) -> bool:
    """Print what happens, the last cycle first, until the daemon stops; with ``last`` that cycle alone.

    Returns:
        False if there is no daemon.

    Raises:
        Fatal: the daemon was killed, or this reader did not keep up.
    """
    connection = connect(place, deadline=None)
    if connection is None:
        return False
    event = None
    connection.before_receiving = teller.await_more
    with connection:
        try:
            for answer in connection.ask(Question(op=Op.EVENTS, text=not as_json, last=last)):
                event = answer["event"]
                if as_json:
                    teller.line(connection.raw)
                else:
                    teller.text(answer)
        except StdoutClosed:
            return True
        except Lost:
            pass
    if event != ("cycle.finished" if last else "stopped"):
        raise Fatal(_KILLED, exit_code=1)
    return True
