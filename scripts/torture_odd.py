"""Rounds of what may lie in a tree or be denied to a program: odd names, no files, no permission, too few watches."""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torture_trial import Trial
from torture_writers import write

UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Has root meet permissions as anybody does (capabilities(7))."""

SCARCE: Mapping[str, int] = {"max_inotify_watches": 6, "max_inotify_instances": 1}
"""Limits of a user namespace (namespaces(7)): too few for the project of the round."""


def odd(trial: Trial) -> None:
    """Put what no wheel may hold among the generated files: it is named, nothing dies, and all is well once it is gone.

    What a wheel may hold, however odd, is installed.
    """
    place = trial.place
    with trial.daemon() as (watched, _):
        for number, (name, kind) in enumerate(ODD.items()):
            path = Path(os.fsdecode(os.fsencode(place.static) + b"/" + kind.name))
            kind.make(path)
            write(place.static / f"beside{number}.css", name)
            if kind.fits:
                trial.rest(watched, name)
                path.unlink()
                trial.rest(watched, f"{name} is gone")
                continue
            rest = watched.rest(place, equal=False)
            trial.faults += [f"{name}: {difference}" for difference in rest.differences]
            if not any(kind.told in message for message in rest.failures):
                trial.faults.append(f"{name}: not reported by its name; failures: {rest.failures}")
            path.unlink()
            if not trial.heal(watched, f"{name} is gone"):
                return
        write(place.static / "after.css", "after")
        trial.rest(watched, "a save after all of it", updates=range(1, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A thing of which a wheel may hold the name or not; ``told`` is a part of the name that a report has."""

    name: bytes
    make: Callable[[Path], None]
    told: str = ""
    fits: bool = False


def _touch(path: Path) -> None:
    path.write_bytes(b"odd\n")


def _socket(path: Path) -> None:
    # The name of a socket may have 107 bytes only, so it is bound by a short one.
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


ODD: Mapping[str, Odd] = {
    "quotes in a name": Odd(name=b"a\"b'c.css", make=_touch, fits=True),
    "a name in UTF-8 with a comma and a space": Odd(name="caf\u00e9, cr\u00e8me.css".encode(), make=_touch, fits=True),
    "a link to its own parent": Odd(name=b"loop", make=lambda path: path.symlink_to("."), fits=True),
    "a Latin-1 name": Odd(name=b"caf\xe9.css", make=_touch, told="caf"),
    "a newline in a name": Odd(name=b"new\nline.css", make=_touch, told="line.css"),
    "a FIFO": Odd(name=b"fifo.css", make=os.mkfifo, told="fifo.css"),
    "a socket": Odd(name=b"socket.css", make=_socket, told="socket.css"),
}


def unreadable(trial: Trial) -> None:
    """Take the permission to read a file away, then a directory: named, and healed when it is given back."""
    place = trial.place
    with trial.daemon(under=UNPRIVILEGED if os.geteuid() == 0 else ()) as (watched, _):
        file = place.static / "secret.css"
        directory = place.static / "part0"
        write(file, "open")
        trial.rest(watched, "before")
        file.chmod(0)
        write(place.static / "beside.css", "beside")
        rest = watched.rest(place, equal=False)
        if not any(file.name in message for message in rest.failures):
            trial.faults.append(f"unreadable: the file is not reported by its name; failures: {rest.failures}")
        file.chmod(0o644)
        trial.heal(watched, "the file is readable again")
        directory.chmod(0)
        watched.rest(place, equal=False)
        if directory.name not in watched.said():
            trial.faults.append("unreadable: the directory is not reported by its name")
        directory.chmod(0o755)
        trial.heal(watched, "the directory is readable again")
        write(directory / "0.css", "again")
        trial.rest(watched, "a save in it", updates=range(1, 2))


def scarce(trial: Trial) -> None:
    """Allow too few watches, then too few instances: said once, what cannot be watched is polled, nothing is missed."""
    place = trial.place
    for number in range(20):
        write(place.package / f"sub{number}" / "page.html", "first\n")
    for name, allowed in SCARCE.items():
        with trial.daemon(under=_namespace(name, allowed)) as (watched, _):
            told = [event["message"] for event in watched.told if event.get("code") == "watch-limit"]
            if len(told) != 1 or name.replace("inotify", "user") not in told[0]:
                trial.faults.append(f"scarce: {name} = {allowed} is not said, once: {told}")
            write(place.package / "sub7" / "page.html", f"{name}\n")
            trial.rest(watched, f"a save with {name} = {allowed}", updates=range(1, 2))
            write(place.package / name / "new.html", f"{name}\n")
            trial.rest(watched, f"a new directory with {name} = {allowed}", updates=range(1, 3))


def _namespace(name: str, allowed: int) -> Sequence[str]:
    """The words that run a program where the user may have so many."""
    return ("unshare", "-Ur", "sh", "-c", f'echo {allowed} >/proc/sys/user/{name} && exec "$@"', "sh")
