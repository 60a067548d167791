"""``uvwatch status`` and ``uvwatch stop``: one question, and what its answer says to a person."""

import shlex
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import partial

from uvwatch.client.connection import PATIENCE, Answer, Lost, Silence, TooLate, await_end, connect
from uvwatch.client.telling import tell_silence
from uvwatch.errors import Fatal
from uvwatch.project.rendezvous import Rendezvous
from uvwatch.serving.escape import escaped
from uvwatch.serving.protocol import Op, Question

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def status(place: Rendezvous, *, text: bool) -> tuple[Answer, str] | None:
    """Ask what the daemon does, and give the answer parsed and as it came; None where there is none.

    Args:
        place: where the daemon is met.
        text: have the last cycle with its text.

    Raises:
        Fatal: it does not answer.
    """
    connection = None
    try:
        deadline = time.monotonic() + PATIENCE
        connection = connect(place, deadline=deadline)
        if connection is None:
            return None
        with connection:
            answer = next(connection.ask(Question(op=Op.STATUS, text=text)), None)
            return None if answer is None else (answer, connection.raw)
    except TooLate as error:
        raise Fatal(f"the running uvwatch did not answer within {PATIENCE:g} s", exit_code=1) from error
    except Lost:
        return None


def stop(place: Rendezvous, *, patience: float = PATIENCE) -> None:
    """Ask the daemon to stop, and wait until it is gone; one that is just starting, too.

    Args:
        place: where the daemon is met.
        patience: seconds after which it is said what is waited for.
    """
    silence = Silence(partial(tell_silence, place), patience=patience)
    connection = connect(place, deadline=None, silence=silence)
    if connection is not None:
        with connection:
            try:
                for _answer in connection.ask(Question(op=Op.STOP)):
                    pass
            except Lost:
                pass
        await_end(place, silence)


def status_lines(answer: Answer, now: datetime) -> Iterator[str]:
    """Give the text of ``uvwatch status``, line by line.

    Args:
        answer: what the daemon said, the last cycle with its text.
        now: aware of its zone; ages are counted from it.
    """
    names = [f"{one['name']} editable" if one["editable"] else one["name"] for one in answer["distributions"]]
    watching = answer["watching"]
    yield escaped(f"running: version {answer['version']}, pid {answer['pid']}, for {answer['environment']}")
    yield f"phase: {answer['phase']}, for {_age(answer['since'], now)}"
    yield f"fresh: {'yes' if answer['fresh'] else 'no'}"
    for hold in answer["holds"]:
        holder = f" (pid {hold['pid']})" if hold["pid"] else ""
        yield escaped(f"held by: {shlex.join(hold['command']) or 'a client'}{holder}")
    if answer["last"] is not None:
        ended = "".join(answer["last"]["text"]["lines"][-1][:2]).removeprefix("uvwatch: ")
        yield f"last cycle: {answer['last']['cycle']}, {_age(answer['last']['time'], now)} ago: {ended}"
    if (error := answer["error"]) is not None:
        place = f"{error['path']}:{error['line'] or 1}: " if error["path"] else ""
        yield escaped(f"last error: {_age(error['time'], now)} ago: {error['distribution']}: {place}{error['message']}")
    kept = ", ".join(names) or "nothing yet"
    places = f"{watching['directories']} director{'y' if watching['directories'] == 1 else 'ies'}"
    yield escaped(f"watching: {kept} in {places} by {watching['backend'] or 'nothing yet'}")


def _age(time: str, now: datetime) -> str:
    """How long ago a time of the public JSON was, in one unit."""
    then = datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
