import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from uvwatch.errors import Fatal
from uvwatch.project.rendezvous import LONGEST, rendezvous_in, rendezvous_of, runtime_directory


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory whose path leaves room for that of a socket."""
    with tempfile.TemporaryDirectory(prefix="uvw") as directory:
        yield Path(directory)


def test_the_directory_is_the_users_own(short: Path) -> None:
    directory = runtime_directory({"XDG_RUNTIME_DIR": str(short)})

    assert directory == short / "uvwatch"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert runtime_directory({"XDG_RUNTIME_DIR": str(short)}) == directory


def test_a_directory_that_others_may_enter_is_refused(short: Path) -> None:
    (short / "uvwatch").mkdir()
    (short / "uvwatch").chmod(0o755)

    with pytest.raises(Fatal, match="is not a directory of yours alone"):
        runtime_directory({"XDG_RUNTIME_DIR": str(short)})


def test_a_directory_that_belongs_to_another_is_refused(short: Path) -> None:
    directory = runtime_directory({"XDG_RUNTIME_DIR": str(short)})

    with pytest.raises(Fatal, match="is not a directory of yours alone"):
        runtime_directory({"XDG_RUNTIME_DIR": str(short)}, user=os.getuid() + 1)

    if os.getuid() == 0:  # nobody else can give a directory away
        os.chown(directory, 65534, -1)
        with pytest.raises(Fatal, match="is not a directory of yours alone"):
            runtime_directory({"XDG_RUNTIME_DIR": str(short)})
    assert runtime_directory({"XDG_RUNTIME_DIR": str(short)}, user=directory.stat().st_uid) == directory


def test_a_link_in_its_place_is_refused(short: Path) -> None:
    (short / "elsewhere").mkdir(mode=0o700)
    (short / "uvwatch").symlink_to(short / "elsewhere")

    with pytest.raises(Fatal, match="is not a directory of yours alone"):
        runtime_directory({"XDG_RUNTIME_DIR": str(short)})


def test_a_runtime_directory_that_is_not_there_is_said(short: Path) -> None:
    with pytest.raises(Fatal, match="set XDG_RUNTIME_DIR"):
        runtime_directory({"XDG_RUNTIME_DIR": str(short / "gone")})


def test_a_place_with_too_long_a_path_for_a_socket_is_passed_over(short: Path) -> None:
    fits = short / ("x" * (LONGEST - len(f"{short}//uvwatch/0123456789abcdef.sock")))
    beyond = fits.with_name(fits.name + "x")
    for each in (fits, beyond):
        each.mkdir()

    assert len(str(rendezvous_of(short, {"XDG_RUNTIME_DIR": str(fits)}).socket)) == LONGEST
    there = rendezvous_of(short, {"XDG_RUNTIME_DIR": str(beyond)}).socket
    assert there.name == rendezvous_in(fits, short).socket.name
    assert not there.is_relative_to(short)
    assert len(str(there)) <= LONGEST
