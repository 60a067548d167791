"""``uvwatch sync`` where a daemon runs: its next look is the barrier.

It knows what is asked and what the answers mean for the exit status. Where nobody answers it says so and does nothing.
"""

from uvwatch.client.connection import Lost, connect
from uvwatch.client.telling import Teller
from uvwatch.project.rendezvous import Rendezvous
from uvwatch.serving.protocol import Op, Question, Wishes

_LOST = "uvwatch: failed: the running uvwatch ended before it was over; going on without"


def sync(place: Rendezvous, wishes: Wishes, *, deadline: float, as_json: bool, teller: Teller) -> int | None:
    """Have the daemon make everything installed that was saved before the call.

    Returns:
        the exit status: 0 fresh, 1 failed; None if there is no daemon, or it ended before it answered.

    Raises:
        Fatal: the daemon refuses what is wished.
        TooLate: the deadline passed.
    """
    connection = connect(place, deadline=deadline)
    if connection is None:
        return None
    begun = False
    with connection:
        try:
            for answer in connection.ask(Question(op=Op.SYNC, wishes=wishes, text=not as_json)):
                begun = True
                if not as_json:
                    teller.text(answer)
                if answer["event"] == "cycle.finished":
                    if as_json:
                        teller.line(connection.raw)
                    return 1 if answer["outcome"] == "failed" else 0
        except Lost:
            pass
    if begun and not as_json:
        # Every begin line has its end line; the work goes on with a pair of its own.
        teller.text({"text": {"lines": [[_LOST, "", ""]], "errors": []}})
    return None
