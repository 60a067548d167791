import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
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


@pytest.fixture
def pointing(short: Path) -> Iterator[Path]:
    """An environment whose pointer leads to the directory ``there``, in which the instance lock is held."""
    environment, there = short / "venv", short / "there"
    (environment / ".uvwatch").mkdir(parents=True)
    there.mkdir(mode=0o700)
    place = rendezvous_in(there, environment)
    place.pointer.write_bytes(os.fsencode(there))
    place.pointer.chmod(0o600)
    with place.instance.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield environment


def test_a_daemon_with_other_variables_is_found_by_its_pointer(pointing: Path) -> None:
    there = pointing.with_name("there")
    for environ in ({}, {"TMPDIR": str(there)}, {"XDG_RUNTIME_DIR": str(there / "gone")}):
        assert rendezvous_of(pointing, environ) == rendezvous_in(there, pointing)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pointer: pointer.chmod(0o644),
        lambda pointer: pointer.write_bytes(b"there"),
        lambda pointer: pointer.write_bytes(b"/\0"),
        lambda pointer: pointer.write_bytes(b"/" + b"x" * 5000),
        lambda pointer: pointer.write_bytes(os.fsencode(pointer)),
        lambda pointer: pointer.unlink(),
        lambda pointer: pointer.symlink_to(pointer.rename(pointer.with_name("moved"))),
        lambda pointer: (pointer.parents[2] / "there").chmod(0o711),
        lambda pointer: (pointer.parents[2] / "there").rename(pointer.parents[2] / "moved"),
        lambda pointer: (
            (pointer.parents[2] / "there").rename(there := pointer.parents[2] / "moved")
            and (pointer.parents[2] / "there").symlink_to(there)
        ),
        lambda pointer: next((pointer.parents[2] / "there").iterdir()).unlink(),
    ],
    ids=[
        "others may read it",
        "relative",
        "a null byte",
        "too long",
        "no directory",
        "gone",
        "a link",
        "others may enter",
        "no such directory",
        "a link to a directory",
        "no lock",
    ],
)
def test_a_pointer_that_may_be_anybody_elses_or_leads_to_no_daemon_is_not_followed(
    pointing: Path, spoil: Callable[[Path], object]
) -> None:
    spoil(pointing / ".uvwatch" / "runtime-directory")

    place = rendezvous_of(pointing, {"XDG_RUNTIME_DIR": str(pointing.parent)})

    assert place == rendezvous_in(pointing.with_name("uvwatch"), pointing)
