"""How generators and editors write files. Knows nothing of projects, environments or daemons."""

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write a file in place, as a generator does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def fill(directory: Path, count: int, text: str, pauses: Iterable[float] = ()) -> float:
    """Write so many small files, 250 a directory; a pause, in seconds, after every tenth while there are any.

    Return the longest time, in seconds, from one file to the next.
    """
    waits = iter(pauses)
    longest, last = 0.0, time.monotonic()
    for number in range(count):
        write(directory / f"part{number // 250}" / f"{number}.css", f"/* {number} */ {text}\n")
        if number % 10 == 9:  # noqa: PLR2004 - every tenth
            time.sleep(next(waits, 0.0))
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    return longest


def atomic_rename(path: Path, text: str) -> None:
    """Write beside it and rename, as VS Code's and Zed's safe writes and most programs do."""
    beside = path.with_name(f".{path.name}.4242.tmp")
    write(beside, text)
    beside.replace(path)


def vim(path: Path, text: str) -> None:
    """Swap file, write test, the old one renamed to a backup, the new one written, all else removed."""
    swap = path.with_name(f".{path.name}.swp")
    swap.write_bytes(b"b0VIM 9.0" + bytes(4000))
    check = path.with_name("4913")
    check.touch()
    check.unlink()
    backup = path.rename(path.with_name(f"{path.name}~"))
    write(path, text)
    backup.unlink()
    swap.write_bytes(b"b0VIM 9.0" + bytes(8000))
    swap.unlink()


def emacs(path: Path, text: str) -> None:
    """A lock, which is a link to nothing, an auto-save file, the old one renamed to a backup."""
    lock = path.with_name(f".#{path.name}")
    lock.symlink_to("user@host.4242:1700000000")
    auto_save = path.with_name(f"#{path.name}#")
    write(auto_save, text)
    backup = path.rename(path.with_name(f"{path.name}~"))
    write(path, text)
    auto_save.unlink()
    lock.unlink()
    backup.unlink()


def pycharm(path: Path, text: str) -> None:
    """JetBrains' safe write: the new one beside, the old one renamed, the new one renamed, the old one removed."""
    new = path.with_name(f"{path.name}___jb_tmp___")
    write(new, text)
    old = path.rename(path.with_name(f"{path.name}___jb_old___"))
    new.rename(path)
    old.unlink()


EDITORS: Mapping[str, Callable[[Path, str], None]] = {
    "atomic rename": atomic_rename,
    "Vim": vim,
    "Emacs": emacs,
    "PyCharm": pycharm,
}


def clear(directory: Path, *, keep: bool) -> float:
    """Remove a directory with all that is in it, or only what is in it; return how long it took, in seconds."""
    began = time.monotonic()
    for entry in list(directory.iterdir()) if keep else [directory]:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    return time.monotonic() - began
