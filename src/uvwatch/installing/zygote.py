"""A process that has the build backend loaded, and forks a fresh child for each hook. Runs in the build environment.

Another interpreter runs this file as it is: Python 3.8 syntax and the standard library, nothing of uvwatch. It knows
how pyproject-hooks' own in-process script is run. It must not know what a hook means, and it never imports what lies
outside the standard library and the build environment: the project's own code runs in children only.

One JSON object a line. On stdin: ``{"run": N, "argv": [...], "cwd": "...", "env": {...}, "backend": "module" or null}``
and ``{"end": N}``. On stdout: ``{"started": N, "pid": P}``, ``{"output": N, "data": "..."}`` (a byte a character) and
``{"ended": N, "status": S, "rss": BYTES}``. It ends when stdin does, and takes its children with it.
"""

# Without pathlib: no module is loaded for our sake that a hook may want from elsewhere.
# ruff: noqa: PTH100, PTH112, PTH115, PTH118, PTH120, PTH123, PTH206, PTH208
from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import gc
import importlib
import importlib.util
import io
import json
import os
import resource
import selectors
import signal
import sys
import sysconfig
import threading
import time
import traceback
import types
import zipfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, NoReturn

TERM_GRACE = 2.0
DRAIN = 0.5
CHUNK = 1 << 16
PR_SET_PDEATHSIG = 1
F_GETPATH = 50
LOADED = "loaded.json"


class Child:
    """One hook that runs: its process and group, what it prints, and until when it may do so."""

    def __init__(self, number: int, pid: int, output: int, control: str) -> None:
        self.number = number
        self.pid = pid
        self.output: int | None = output
        self.control = control
        self.status: int | None = None
        self.kill_at: float | None = None
        self.drain_until: float | None = None

    def signal(self, what: int) -> None:
        """Signal the whole group; the process by itself too, which may not lead its group yet."""
        for send in (os.killpg, os.kill):
            if send is os.killpg or self.status is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    send(self.pid, what)


class Zygote:
    """The loop: requests, output and ends of children, one after another in one thread."""

    def __init__(self, requests: int, replies: BinaryIO, *, ahead: bool) -> None:
        self.requests = requests
        self.replies = replies
        self.ahead = ahead
        self.rest = b""
        self.children: dict[int, Child] = {}
        self.scripts: dict[str, types.CodeType] = {}
        self.own: set[str] = set(sys.modules)
        self.main = sys.modules["__main__"]
        self.by_backend: dict[str, set[str]] = {}
        self.wake, self.woken = os.pipe()
        for end in (self.wake, self.woken):
            os.set_blocking(end, False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(requests, selectors.EVENT_READ)
        self.selector.register(self.wake, selectors.EVENT_READ)

    def serve(self) -> None:
        """Go on until stdin ends."""
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self.woken, warn_on_full_buffer=False)
        while True:
            for key, _events in self.selector.select(self.patience()):
                if key.fd == self.requests:
                    data = os.read(self.requests, CHUNK)
                    if not data:
                        for child in self.children.values():
                            child.signal(signal.SIGKILL)
                        return
                    self.feed(data)
                elif key.fd == self.wake:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake, CHUNK)
                elif key.data in self.children.values():
                    self.pass_on(key.data)
            self.reap()

    def patience(self) -> float | None:
        """Seconds until the next thing that is due by itself."""
        due = [when for child in self.children.values() for when in (child.kill_at, child.drain_until) if when]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def feed(self, data: bytes) -> None:
        """Take in what came on stdin, and do what the whole lines of it ask for."""
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            request = json.loads(line.decode("utf-8"))
            if "run" in request:
                self.start(request)
            elif request["end"] in self.children:
                child = self.children[request["end"]]
                child.signal(signal.SIGTERM)
                child.kill_at = time.monotonic() + TERM_GRACE

    def reply(self, **what: Any) -> None:
        """Say one thing; a reader that is gone has closed stdin as well."""
        with contextlib.suppress(BrokenPipeError):
            self.replies.write(json.dumps(what).encode("ascii") + b"\n")
            self.replies.flush()

    def start(self, request: dict[str, Any]) -> None:
        """Fork a child for a hook."""
        self.load_backend(request["backend"])
        script = request["argv"][1]
        if script not in self.scripts:
            with open(script, "rb") as file:
                self.scripts[script] = compile(file.read(), script, "exec")
        if threads() > 1:
            sys.exit("something that the build backend imports has started a thread, so this process cannot fork")
        # What is still in a buffer would be printed by the child again.
        sys.stdout.flush()
        sys.stderr.flush()
        reader, writer = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            die_with(parent)
            self.become(request, writer)
        os.close(writer)
        os.set_blocking(reader, False)
        child = Child(request["run"], pid, reader, request["argv"][3])
        self.children[child.number] = child
        self.selector.register(reader, selectors.EVENT_READ, child)
        self.reply(started=child.number, pid=pid)

    def load_backend(self, name: str | None) -> None:
        """Import a backend that lies in the build environment, ahead of all children that need it."""
        if not self.ahead or name is None or name in self.by_backend:
            return
        before = set(sys.modules)
        spec = importlib.util.find_spec(name.partition(".")[0])
        if spec is not None and lies_in(spec, places()):
            self.learn([name])
        self.by_backend[name] = set(sys.modules) - before

    def learn(self, names: list[str]) -> None:
        """Import what a child had to load by itself, so that the next one need not."""
        news = [name for name in names if name not in sys.modules]
        for name in news:
            importlib.import_module(name)
        if news:
            gc.collect()
            gc.freeze()

    def pass_on(self, child: Child) -> None:
        """Hand over what a child printed."""
        while child.output is not None:
            try:
                data = os.read(child.output, CHUNK)
            except BlockingIOError:
                return
            if not data:
                self.close_output(child)
                return
            self.reply(output=child.number, data=data.decode("latin-1"))

    def close_output(self, child: Child) -> None:
        """Listen no longer."""
        if child.output is not None:
            self.selector.unregister(child.output)
            os.close(child.output)
            child.output = None

    def reap(self) -> None:
        """See which children have ended, and end those whose time is up."""
        now = time.monotonic()
        for child in list(self.children.values()):
            if child.status is None:
                pid, status = os.waitpid(child.pid, os.WNOHANG)
                if pid:
                    child.status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                    # What it left in the background may hold the pipe for ever: that output is not the hook's.
                    child.drain_until = child.kill_at or now + DRAIN
                    self.pass_on(child)
            if child.kill_at is not None and now >= child.kill_at:
                child.signal(signal.SIGKILL)
                child.kill_at = None
            if child.status is not None and (child.output is None or now >= (child.drain_until or now)):
                self.finish(child)

    def finish(self, child: Child) -> None:
        """Say that a child has ended; then, with the answer given, get ready for the next."""
        self.close_output(child)
        del self.children[child.number]
        # The answer is the end of the control directory.
        names = read_json(os.path.join(child.control, LOADED)) if self.ahead and child.status == 0 else None
        self.reply(ended=child.number, status=child.status, rss=resident_size())
        self.learn(names or [])

    def become(self, request: dict[str, Any], output: int) -> None:
        """Be the fresh process of a hook: run the script, say what was loaded, and exit.

        What the hook raises goes up to the interpreter itself, as in any program.
        """
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.selector.close()
        outputs = [child.output for child in self.children.values() if child.output is not None]
        for each in (self.requests, self.replies.fileno(), self.wake, self.woken, *outputs):
            os.close(each)
        for standard in (1, 2):
            os.dup2(output, standard)
        os.close(output)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        sys.argv[:] = request["argv"][1:]
        self.clear_the_way(request)
        importlib.invalidate_caches()
        store_wheels()
        sys.excepthook = show_exception
        module = types.ModuleType("__main__")
        module.__file__ = request["argv"][1]
        self.main, sys.modules["__main__"] = sys.modules["__main__"], module
        before = set(sys.modules)
        exec(self.scripts[request["argv"][1]], module.__dict__)  # noqa: S102 - pyproject-hooks' own script
        control = request["argv"][3]
        show_warnings(os.path.join(control, "output.json"))
        with open(os.path.join(control, LOADED), "w", encoding="utf-8") as file:
            json.dump(loaded(set(sys.modules) - before, places()), file)
        leave()

    def clear_the_way(self, request: dict[str, Any]) -> None:
        """Unload what earlier hooks needed, where a fresh process might find the project's own module instead."""
        ahead = set(sys.modules) - self.own - self.by_backend.get(request["backend"] or "", set())
        where = [request["cwd"], *json.loads(request["env"].get("_PYPROJECT_HOOKS_BACKEND_PATH_JSON", "[]"))]
        names = {entry.partition(".")[0] for each in where if os.path.isdir(each) for entry in os.listdir(each)}
        if not names.isdisjoint(name.partition(".")[0] for name in ahead):
            for name in ahead:
                del sys.modules[name]


def threads() -> int:
    """Count the threads of this process, those that Python does not know included where the system tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def resident_size() -> int:
    """Bytes of memory that this process occupies; where the system does not tell, the most that it ever did."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS, which has no /proc


def die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends (Linux: prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def places() -> list[list[str]]:
    """Name the directories of the standard library and of the build environment, as lists of parts."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return [sysconfig.get_path(name).split(os.sep) for name in names]


def lies_in(spec: Any, where: list[list[str]]) -> bool:
    """Say whether a module was, or would be, loaded from one of the directories."""
    locations = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or [])
    parts = [str(location).split(os.sep) for location in locations]
    return bool(parts) and all(any(each[: len(place)] == place for place in where) for each in parts)


def loaded(names: set[str], where: list[list[str]]) -> list[str]:
    """Name the modules, in the order in which they were loaded, that any process may load: never the project's."""
    found = []
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        # A module that stands under another name (a vendored one) cannot be asked for by it.
        if name in names and spec is not None and spec.name == name and spec.has_location and lies_in(spec, where):
            found.append(name)
    return found


def read_json(path: str) -> Any:
    """Read a file that a hook's process has written; None if there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def store_wheels() -> None:
    """Have every wheel that this process writes hold its members as they are: it is read once and thrown away."""
    plain = getattr(zipfile.ZipFile, "_open_to_write", None)
    if plain is None:
        return

    def stored(archive: Any, member: Any, *args: Any, **options: Any) -> Any:
        if name_of(archive).endswith(".whl"):
            member.compress_type = zipfile.ZIP_STORED
        return plain(archive, member, *args, **options)

    # The one method that all ways to write a member go through.
    setattr(zipfile.ZipFile, "_open_to_write", stored)  # noqa: B010 - private, so no type knows it


def name_of(archive: Any) -> str:
    """Find the path of an archive; hatchling and poetry hand over a file that they opened by its number."""
    name = archive.filename
    if not isinstance(name, int):
        return os.fsdecode(name or "")
    try:
        if sys.platform == "darwin":
            return os.fsdecode(fcntl.fcntl(name, F_GETPATH, bytes(1024)).rstrip(b"\0"))
        return os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        return ""


def show_exception(kind: Any, value: Any, trace: Any) -> None:
    """Print a traceback as a process of the hook's own would: without this file's frames."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    traceback.print_exception(kind, value, trace)


def show_warnings(path: str) -> None:
    """Print the warnings that the script caught, instead of having them raised again in the daemon."""
    answer = read_json(path)
    if answer and answer.get("warnings"):
        for each in answer["warnings"]:
            sys.stderr.write("{filename}:{lineno}: UserWarning: {message}\n".format(**each))
        answer["warnings"] = []
        with open(path, "w", encoding="utf-8") as file:
            json.dump(answer, file)


def leave() -> NoReturn:
    """Exit with status 0 as the interpreter does, but for taking every module apart (40 of a build's 75 ms).

    Threads are waited for, what was registered for the exit runs, and files that are still open are flushed.
    """
    for module, last in ((threading, "_shutdown"), (atexit, "_run_exitfuncs")):
        getattr(module, last)()  # private, but what the interpreter itself calls
    for each in (sys.stdout, sys.stderr, *gc.get_objects()):
        if issubclass(type(each), (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)) and not each.closed:
            with contextlib.suppress(OSError, ValueError):
                each.flush()
    os._exit(0)


def main() -> None:
    """Run as a program; ``--cold``: import nothing ahead, because an import did harm before."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [each for each in sys.path if os.path.abspath(each) != here]
    requests, replies = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    # With PYTHONPATH the user's own modules may come before those of the build environment.
    ahead = "--cold" not in sys.argv and not os.environ.get("PYTHONPATH")
    Zygote(requests, os.fdopen(replies, "wb"), ahead=ahead).serve()


if __name__ == "__main__":
    main()
