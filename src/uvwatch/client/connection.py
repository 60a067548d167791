"""A connection to the daemon of one environment: one question, its answers, deadlines.

It knows the socket and the instance lock. It must not know what is asked, nor what is done where nobody answers.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from uvwatch.errors import Fatal, UvwatchError
from uvwatch.project.rendezvous import Rendezvous, is_held
from uvwatch.serving.protocol import Question, question_line

POLL = 0.01
"""Seconds between two looks whether a daemon that is starting listens already, or one that ends is gone."""

PATIENCE = 10.0
"""Seconds within which a daemon that is asked says something, if nothing keeps it."""

_CHUNK = 64 * 1024
_DAY = 24 * 60 * 60.0

Answer = dict[str, Any]
"""An object of the public JSON."""


class TooLate(UvwatchError):
    """The deadline passed."""


class Lost(UvwatchError):
    """The daemon ended before it answered."""


class Silence:
    """Has it told, once, that a daemon is waited for that does not answer; for who waits without a deadline.

    Args:
        tell: says so to a person.
        patience: seconds from now on until that is due.
    """

    def __init__(self, tell: Callable[[], None], *, patience: float) -> None:
        self._tell: Callable[[], None] | None = tell
        self._at = time.monotonic() + patience

    def left(self) -> float | None:
        """Seconds until it is due, more than none; None once it was told."""
        return None if self._tell is None else max(POLL, self._at - time.monotonic())

    def heed(self) -> None:
        """Have it told if it is due."""
        if self._tell is not None and self._at <= time.monotonic():
            self._tell()
            self._tell = None


class Connection:
    """One question to a daemon; closed at the end of a ``with``.

    Args:
        connected: a connected socket.
        deadline: of ``time.monotonic``; None waits for ever.
        silence: heeded while it waits for ever.

    Attributes:
        raw: the last answer as it came, one line of JSON without its newline.
        before_receiving: called with the socket's descriptor whenever more is waited for.
    """

    def __init__(self, connected: socket.socket, *, deadline: float | None, silence: Silence | None = None) -> None:
        self._socket = connected
        self._deadline = deadline
        self._silence = silence
        self._rest = b""
        self.raw = ""
        self.before_receiving: Callable[[int], None] = lambda _descriptor: None

    def __enter__(self) -> "Connection":  # noqa: PYI034 - typing.Self is younger than Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, question: Question) -> Iterator[Answer]:
        """Send the question, and give the answers until the daemon closes the connection.

        Raises:
            Fatal: the daemon refuses the question.
            TooLate: the deadline passed.
            Lost: the connection broke.
        """
        try:
            turned_away = self._send(question_line(question))
            while (line := self._line()) is not None:
                self.raw = line.decode()
                answer: Answer = json.loads(line)
                if (error := answer.get("error")) is not None and "running" not in answer:
                    raise Fatal(error["message"], exit_code=error["exit_status"])
                yield answer
            if turned_away is not None:
                raise turned_away
        except TimeoutError as error:
            raise TooLate("the daemon did not answer in time") from error
        except OSError as error:
            raise Lost(f"the daemon ended: {error.strerror}") from error

    def hand_on(self) -> None:
        """Keep the connection open in whatever this process becomes, and in its children."""
        os.set_inheritable(self._socket.fileno(), True)  # noqa: FBT003 - as the function has it
        self._socket.settimeout(None)
        self._socket.detach()

    def _send(self, line: bytes) -> BrokenPipeError | None:
        """Send; where the daemon has closed the connection already, what it said before that is still to be read."""
        self._socket.settimeout(_left(self._deadline))
        try:
            self._socket.sendall(line)
        except BrokenPipeError as error:
            return error
        return None

    def _line(self) -> bytes | None:
        parts = [self._rest]
        while b"\n" not in parts[-1]:
            data = self._receive()
            if not data:
                return None
            parts.append(data)
        line, _, self._rest = b"".join(parts).partition(b"\n")
        return line

    def _receive(self) -> bytes:
        self.before_receiving(self._socket.fileno())
        while self._silence is not None and (left := self._silence.left()) is not None:
            self._socket.settimeout(left)
            try:
                return self._socket.recv(_CHUNK)
            except TimeoutError:
                self._silence.heed()
        self._socket.settimeout(_left(self._deadline))
        return self._socket.recv(_CHUNK)


def connect(place: Rendezvous, *, deadline: float | None, silence: Silence | None = None) -> Connection | None:
    """Connect to the daemon; one that is just starting is waited for. None where there is none.

    Raises:
        Fatal: the socket is not ours.
        TooLate: the deadline passed while it was starting.
    """
    while True:
        attempt = socket.socket(socket.AF_UNIX)
        try:
            attempt.connect(str(place.socket))
        except (FileNotFoundError, ConnectionRefusedError):
            attempt.close()
            if not is_held(place.instance):
                return None
        except OSError as error:
            attempt.close()
            raise Fatal(f"{place.socket}: cannot be connected to ({error.strerror})") from error
        else:
            return Connection(attempt, deadline=deadline, silence=silence)
        _left(deadline)
        if silence is not None:
            silence.heed()
        time.sleep(POLL)


def await_end(place: Rendezvous, silence: Silence) -> None:
    """Return once no daemon runs."""
    while is_held(place.instance):
        silence.heed()
        time.sleep(POLL)


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TooLate("the daemon did not answer in time")
    return left if left < _DAY else None  # a socket takes no more than fits into an int of milliseconds
