"""One ``RustNotify`` of watchfiles: a fixed list of paths, armed once it exists, and a thread that waits for it.

It knows watchfiles' ways, and what the kernel tells of the queue behind it. It must not know trees or hints.

Three of watchfiles' ways shape this module. An overflow of the kernel's queue is not told. ``watch()`` throws away what
has piled up when it ends by its stop event or a timeout. A name that is not UTF-8 makes every later call raise.
"""

import array
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from watchfiles._rust_notify import RustNotify

from uvwatch.errors import UvwatchError
from uvwatch.watching.bell import Bell, NoBell, QueueBell

STEP_MS = 10
"""Milliseconds between two looks at what has piled up; a burst is told once two looks saw no new path."""

DEBOUNCE_MS = 50
"""Milliseconds after which a burst is told even while it goes on."""

POLL_MS = 300
"""Milliseconds between two rounds of polling."""

_QUIET = 0.1
"""Seconds without an event after which a thread that a bell will wake goes to sleep, for a second at most."""

_SLEEP = 1.0

_QUIET_WITHOUT_BELL = 2.0
_NAP = 0.03

_STARVED_AFTER = 0.025
"""Seconds after which a look is late: 16,384 events, the kernel's usual bound, were made in 23 ms at the fastest."""

_RETIRE_AFTER = 0.2
_RETIRE_AFTER_POLLING = 3 * POLL_MS / 1000
_RETIRE_BY = 5.0
_STEPS_TO_TELL = 5
"""Steps in a row with an empty queue after which watchfiles has told what it had: it does after two."""

_arming = threading.Lock()


class WatchLimit(UvwatchError):
    """The system allows no more watches, or no more watchers.

    Attributes:
        needed: how many directories were to be armed in the attempt.
        sysctl: the kernel's setting that is too low.
    """

    def __init__(self, needed: int, sysctl: str) -> None:
        super().__init__(f"the system allows too few file watches for {needed} more directories: raise {sysctl}")
        self.needed = needed
        self.sysctl = sysctl


class Pulse:
    """The stop event that ``RustNotify`` asks at every step: it stops, saves power when idle, and sees what is lost.

    The kernel's queue holds ``max_queued_events``; what comes when it is full is lost, and watchfiles hides it. The
    number of paths in a delivery says nothing: sixteen thousand events can be about two files. So the queue's length is
    read at each step, and a quarter of its bound is called an overflow. A step that was so late that the queue may have
    been filled and emptied since the one before (a stopped process, a busy machine) is called one too, if anything is
    told at all: nobody looked meanwhile.
    """

    def __init__(
        self,
        queued: Callable[[], int] | None,
        *,
        bound: int,
        bell: Bell | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare.

        Args:
            queued: gives the bytes in the kernel's queue; None: there is no such queue.
            bound: what they may be.
            bell: what wakes an idle thread.
            clock: seconds, monotonic.
        """
        self._queued = queued
        self._bound = bound
        self._bell: Bell = bell if bell is not None else NoBell()
        self._clock = clock
        self._stopped = False
        self._quiet, self._sleep = _QUIET_WITHOUT_BELL, _NAP
        self._ends: float | None = None
        self._steps = 0
        self._last: float | None = None
        self._active = clock()
        self._doubt = ""
        self._suspicion = ""

    def begin(self) -> None:
        """The thread that will ask begins to."""
        if self._bell.listen():
            self._quiet, self._sleep = _QUIET, _SLEEP
        self._steps = 0
        self.active()  # what happened before anybody listened has not rung

    def end(self) -> None:
        """The same thread has asked for the last time."""
        self._bell.leave()

    def is_set(self) -> bool:
        """Called by the watching thread before each look at what has piled up; True ends the watch."""
        now = self._clock()
        self._steps += 1
        self._look(now, self._last, 0.0)
        if now - self._active > self._quiet and not self._stopped and self._ends is None:
            self._bell.wait(self._sleep)
            woken = self._clock()
            if woken - now < self._sleep:
                self._active = woken
            # Now and not at the next step: what reads the queue was woken as well.
            self._look(woken, now, self._sleep)
            now = woken
        self._last = now
        # By steps, too: a thread that did not run for a while would end with what has piled up untold.
        ends = self._ends is not None and now > self._ends and self._steps >= _STEPS_TO_TELL
        if self._ends is not None and now > self._ends + _RETIRE_BY and not ends:
            self._doubt = "a watcher that had been replaced never came to rest"
            ends = True
        return self._stopped or ends

    def _look(self, now: float, last: float | None, after: float) -> None:
        """Look at the queue; the last look was at ``last``, and this one was to follow ``after`` seconds later."""
        if self._queued is None:
            return
        if self._steps >= _STEPS_TO_TELL:
            self._suspicion = ""  # nothing was told of that time: nothing happened
        if last is not None and now - last > after + _STARVED_AFTER:
            self._suspicion = f"nobody listened for {now - last - after:.2f} s"
            self._active, self._steps = now, 0
        queued = self._queued()
        if queued:
            self._active, self._steps = now, 0
        if queued > self._bound:
            self._doubt = "more happened at once than the kernel keeps"

    def active(self) -> None:
        """Something was told: more is likely to come."""
        self._active = self._clock()

    def excuse(self) -> None:
        """The next step may be late: the program itself was busy, while the kernel's queue was being read."""
        self._last = None

    def doubt(self) -> str:
        """Why events may have been lost since the last call, ``""`` if none was."""
        reason, self._doubt, self._suspicion = self._doubt or self._suspicion, "", ""
        return reason

    def retire(self) -> None:
        """End in a while, when what came before now has been told."""
        self._ends = self._clock() + (_RETIRE_AFTER if self._queued is not None else _RETIRE_AFTER_POLLING)
        self._steps = 0
        self._bell.ring()

    def stop(self) -> None:
        """End at the next step, whatever has piled up."""
        self._stopped = True
        self._bell.ring()


class Instance:
    """A ``RustNotify``, armed when the constructor returns.

    Blocking: constructor and :meth:`wait` belong in a thread. Arming holds the interpreter's lock: a thousand
    directories take 0.1 s one by one, a quarter of that recursively.
    """

    def __init__(self, paths: Sequence[str], *, recursive: bool, polling: bool) -> None:
        """Arm.

        Args:
            paths: absolute directories.
            recursive: with everything below them, also what is made later (some of whose first events get lost).
            polling: by looking every :data:`POLL_MS`, not by events.

        Raises:
            FileNotFoundError: one of the paths is not there.
            PermissionError: one of the directories may not be read, below a recursive one too; then none is armed.
            WatchLimit: the system allows no more.
            OSError: as the system says.
        """
        self.recursive = recursive
        self.polling = polling
        self.paths = set(paths)
        self.forgotten = 0
        self.born = time.monotonic()
        with _arming:
            known = _inotify_descriptors()
            try:
                # The last argument would pass over every error, not over a denied permission alone: the limits too.
                self._notify = RustNotify(list(paths), False, polling, POLL_MS, recursive, False)  # noqa: FBT003
            except (OSError, RuntimeError) as error:
                if sysctl := limit(str(error)):
                    raise WatchLimit(len(paths), sysctl) from error
                raise
            queue = _inotify_descriptors() - known
        self.pulse = _pulse(queue, polling=polling)

    def wait(self) -> set[tuple[int, str]] | None:
        """Block until something happened: (1 added, 2 modified, 3 deleted; absolute path). None after a stop.

        Raises:
            RuntimeError: watchfiles failed; every later call does too, so that the instance has to be replaced.
        """
        self.pulse.begin()
        try:
            told = self._notify.watch(DEBOUNCE_MS, STEP_MS, 0, self.pulse)
        finally:
            self.pulse.end()
        return None if isinstance(told, str) else told

    def close(self) -> None:
        """Give the watches back, in the background; for when :meth:`wait` has ended."""
        self._notify.close()


def _pulse(queues: set[int], *, polling: bool) -> Pulse:
    """That of an instance whose arming opened these inotify descriptors."""
    if polling:
        return Pulse(None, bound=0)
    if len(queues) != 1:  # a guess at the descriptor would be worse than none: only starvation is seen then
        return Pulse(lambda: 0, bound=0)
    [descriptor] = queues
    return Pulse(_queue_reader(descriptor), bound=_queue_bound(), bell=QueueBell(descriptor))


def limit(message: str) -> str:
    """The kernel's setting that an error of watchfiles blames, ``""`` if it blames none."""
    if "watch limit reached" in message:
        return "fs.inotify.max_user_watches"
    if "Too many open files" in message:
        return "fs.inotify.max_user_instances"
    return ""


def _inotify_descriptors() -> set[int]:
    """The open inotify descriptors of this process; empty where there is no inotify."""
    try:
        names = os.listdir("/proc/self/fd")  # noqa: PTH208 - numbers, not paths
    except OSError:
        return set()
    return {int(name) for name in names if "inotify" in _target(f"/proc/self/fd/{name}")}


def _target(link: str) -> str:
    try:
        return os.readlink(link)  # noqa: PTH115 - anon_inode:inotify is no path
    except OSError:  # the descriptor of the listing itself, or one closed meanwhile
        return ""


def _queue_reader(descriptor: int) -> Callable[[], int]:
    """How many bytes wait in an inotify queue: FIONREAD, as inotify(7) has it."""
    # Neither module exists on Windows, which has no inotify and does not come here.
    import fcntl  # noqa: PLC0415
    import termios  # noqa: PLC0415

    size = array.array("i", [0])

    def queued() -> int:
        try:
            fcntl.ioctl(descriptor, termios.FIONREAD, size)
        except OSError:
            return 0
        return size[0]

    return queued


def _queue_bound() -> int:
    """A quarter of the kernel's queue in bytes: an event with a name takes at least 32 (inotify(7))."""
    try:
        events = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text("ascii"))
    except (OSError, ValueError):
        events = 16_384
    return events * 8
