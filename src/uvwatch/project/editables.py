"""What an editable install leads to, read from what it installed.

It reads ``.pth`` files, import hooks and directories of links, and changes nothing. What follows from it is
``core.editables``' to say.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from uvwatch.core.editables import Form, Mapped, form_of, mapped_by_hook, named_by
from uvwatch.core.model import Distribution, Signature
from uvwatch.core.watchplan import is_below
from uvwatch.project.environment import Environment
from uvwatch.project.installed import site_of


def read_mapped(
    env: Environment, distribution: Distribution, installed: Mapping[str, object], tree: Mapping[str, Signature]
) -> Mapped:
    """What a distribution's editable install has a name for.

    Args:
        env: the environment.
        distribution: which one.
        installed: the paths that its RECORD names.
        tree: the files of its tree; a link leads to that of the same inode, and a hard link is that file.
    """
    site = site_of(env, distribution)
    pth = [line for path in installed if path.endswith(".pth") for line in _text(site / path).splitlines()]
    form = form_of(pth)
    if form is Form.HOOK:
        hooks = (path for path in installed if path.endswith(".py"))
        return mapped_by_hook(name for path in hooks for name in named_by(_text(site / path), distribution.root))
    if form is Form.LINKS:
        inodes = {inode for line in pth for inode in _inodes(line.strip())}
        links = tuple(line.strip().removeprefix(f"{distribution.root}/") for line in pth)
        files = frozenset(
            path
            for path, signature in tree.items()
            if signature.inode in inodes and not any(is_below(path, each) for each in links)
        )
        return Mapped(form=form, files=files)
    return Mapped()


def form_installed(env: Environment, distribution: Distribution, installed: Mapping[str, object]) -> Form:
    """Tell the form alone, without a look at the tree."""
    site = site_of(env, distribution)
    return form_of(line for path in installed if path.endswith(".pth") for line in _text(site / path).splitlines())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _inodes(directory: str) -> Iterator[int]:
    for top, _directories, names in os.walk(directory):
        for name in names:
            with suppress(OSError):  # a link to a file that is gone
                yield os.stat(f"{top}/{name}").st_ino  # noqa: PTH116 - a str a file
