"""Rounds of what may lie in a tree or be denied to a program: odd names, no files, no permission, too few watches."""

import os
import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torture_trial import Trial
from torture_writers import write

UNPRIVILEGED = (
    "setpriv",
    "--inh-caps=-dac_override,-dac_read_search",
    "--bounding-set=-dac_override,-dac_read_search",
)
"""Has root meet permissions as anybody does (capabilities(7)): a mode of 000 then denies its owner as it does a user.

Another user could not enter where the checkout, its interpreter and root's caches lie.
"""
LONG = 4_000
"""Bytes of the path of a file that still fits where it is installed."""

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
                if kind.told not in watched.said():
                    trial.faults.append(f"{name}: not named in the log")
                remove(path)
                trial.rest(watched, f"{name} is gone")
                continue
            rest = watched.rest(place, equal=False)
            trial.faults += [f"{name}: {difference}" for difference in rest.differences]
            if not any(kind.told in message for message in rest.failures):
                trial.faults.append(f"{name}: not reported by its name; failures: {rest.failures}")
            remove(path)
            if not trial.heal(watched, f"{name} is gone"):
                return
        write(place.static / "after.css", "after")
        trial.rest(watched, "a save after all of it", updates=range(1, 2))
        trial.notes.append(f"{len(ODD)} things: {', '.join(ODD)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A thing that may be among the files of a wheel (``fits``), or fails the build; ``told`` is what names it then."""

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


def _deep(length: int, path: Path) -> None:
    """Make a file whose path has so many bytes, by paths that are relative to its directories: it may be too long."""
    path.mkdir()
    left = length - len(os.fsencode(path)) - len("/deep.css")
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    while left > 1:
        name = "d" * min(left - 1, 200)
        left -= len(name) + 1
        os.mkdir(name, dir_fd=directory)
        above, directory = directory, os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)
        os.close(above)
    os.close(os.open("deep.css", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=directory))
    os.close(directory)


def remove(path: Path) -> None:
    """Remove what was made, a directory with all that is in it."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


ODD: Mapping[str, Odd] = {
    "quotes in a name": Odd(name=b"a\"b'c.css", make=_touch, fits=True),
    "a name in UTF-8 with a comma and a space": Odd(name="caf\u00e9, cr\u00e8me.css".encode(), make=_touch, fits=True),
    "a link to its own parent": Odd(name=b"loop", make=lambda path: path.symlink_to("."), fits=True),
    "a Latin-1 name": Odd(name=b"caf\xe9.css", make=_touch, told="caf"),
    "a newline in a name": Odd(name=b"new\nline.css", make=_touch, told="line.css"),
    "a FIFO": Odd(name=b"fifo.css", make=os.mkfifo, told="fifo.css"),
    "a socket": Odd(name=b"socket.css", make=_socket, told="socket.css"),
    f"a path of {LONG} bytes": Odd(name=b"long", make=partial(_deep, LONG), fits=True),
    "a path too long for the environment": Odd(name=b"longer", make=partial(_deep, 4_090), told="longer/"),
    "a path that is too long to be read": Odd(name=b"longest", make=partial(_deep, 5_000), told="longest/", fits=True),
}


def unreadable(trial: Trial) -> None:
    """Take the permission to read a file away, then a directory: named, and healed when it is given back."""
    place = trial.place
    with trial.daemon(under=as_anybody()) as (watched, _):
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
        trial.notes.append("a file, then a directory, without permissions and with them again")


def as_anybody() -> Sequence[str]:
    """The words of a program that meets permissions as a user does."""
    return UNPRIVILEGED if os.geteuid() == 0 else ()


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
        trial.notes.append(f"{name} = {allowed} in {len(list(place.package.iterdir()))} directories")


def _namespace(name: str, allowed: int) -> Sequence[str]:
    """The words that run a program where the user may have so many."""
    return ("unshare", "-Ur", "sh", "-c", f'echo {allowed} >/proc/sys/user/{name} && exec "$@"', "sh")
