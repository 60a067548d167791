"""Where the bytes of staged files come from: bytes at hand, a file of the tree, a member of a wheel.

It knows how to open them and what a wheel wants installed. It must not know where they go.
"""

import errno
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import IO

from uvwatch.core.placing import Installed, Wanted
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.wheel import Wheel, generated_scripts
from uvwatch.project.environment import Environment
from uvwatch.project.installed import site_of

Source = bytes | Callable[[], IO[bytes]]
"""Bytes, or what opens a stream of them."""

Sources = Mapping[str, Source]
"""Path as RECORD has it → source."""

_CHUNK = 1 << 20
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def of_file(path: str) -> Source:
    """A file of the tree, which may be a symbolic link; anything but a regular file is an OSError when it is read."""
    return partial(_open, path)


def of_wheel(archive: zipfile.ZipFile, wheel: Wheel) -> Sources:
    """The members of an opened wheel; it has to stay open until they are staged."""
    return {path: partial(archive.open, member) for path, member in wheel.members.items()}


def wanted_of_wheel(archive: zipfile.ZipFile, wheel: Wheel, installed: Installed, env: Environment) -> Wanted:
    """What the wheel would install; a script that differs in its ``#!python`` line alone counts as it is installed.

    Raises:
        CycleFailed: the wheel (``BUILD``) or an installed script (``IO``) cannot be read.
    """
    files = dict(wheel.files)
    for path in wheel.rewritten:
        there = installed.files.get(path)
        member = partial(archive.open, wheel.members[path])
        on_disk = of_file(str(site_of(env, installed.distribution) / path))
        if there is not None and _below_first_line(member, path) == _below_first_line(on_disk, path):
            files[path] = there
    return Wanted(
        dist_info=wheel.dist_info,
        files=files,
        wheel_text=wheel.wheel_text,
        generated=generated_scripts(wheel, env),
    )


def read(source: Source, path: str) -> Iterator[bytes]:
    """The parts of a source.

    Raises:
        CycleFailed: it cannot be read (``IO``), or is a damaged member of a wheel (``BUILD``); both name ``path``.
    """
    if isinstance(source, bytes):
        yield source
        return
    try:
        with source() as stream:
            while part := stream.read(_CHUNK):
                yield part
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise CycleFailed(FailureKind.BUILD, f"{path} cannot be unpacked from the wheel: {error}") from error
    except OSError as error:
        raise CycleFailed(FailureKind.IO, f"{error.filename or path}: {error.strerror or error}") from error


def _below_first_line(source: Source, path: str) -> bytes:
    return b"".join(read(source, path)).partition(b"\n")[2]


def _open(path: str) -> IO[bytes]:
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return os.fdopen(descriptor, "rb")
