import base64
import hashlib
import os
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from uvwatch.core.model import Content
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.wheel import Wheel, read_wheel
from uvwatch.project.environment import Environment

PREFIX = Path("/env")
PURELIB = Path("/env/lib/python3.11/site-packages")
ENV = Environment(
    prefix=PREFIX,
    purelib=PURELIB,
    platlib=PURELIB,
    python=PREFIX / "bin/python",
    has_pyvenv_cfg=True,
    python_version="3.11.7",
)
TWO_LIBRARIES = replace(ENV, platlib=Path("/env/lib64/python3.11/site-packages"))
WHEEL = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def content(text: str, *, executable: bool = False) -> Content:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    return Content(f"sha256={digest}", executable)


def write(path: Path, files: Mapping[str, str], *, wheel: str | None = WHEEL, executable: tuple[str, ...] = ()) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFREG | (0o755 if name in executable else 0o644)) << 16
            archive.writestr(info, text)
        if wheel is not None:
            archive.writestr("app-1.0.dist-info/WHEEL", wheel)
        archive.writestr("app-1.0.dist-info/RECORD", "app/__init__.py,sha256=lies,1\n")
    return str(path)


def read(path: str, env: Environment = ENV) -> Wheel:
    return read_wheel(path, env)


@pytest.mark.parametrize(
    ("is_pure", "pure", "plat"),
    [
        ("true", "p.py", "../../../lib64/python3.11/site-packages/q.py"),
        ("false", "../../../lib/python3.11/site-packages/p.py", "q.py"),
    ],
)
def test_with_two_library_directories_the_wheel_chooses_and_its_data_goes_to_either(
    is_pure: str, pure: str, plat: str, tmp_path: Path
) -> None:
    files = {"app-1.0.data/purelib/p.py": "", "app-1.0.data/platlib/q.py": "", "app-1.0.data/scripts/run": "#!/bin/sh"}
    path = write(tmp_path / "w.whl", files, wheel=WHEEL.replace("Purelib: true", f"Purelib: {is_pure}"))

    wheel = read(path, TWO_LIBRARIES)

    assert wheel.root_is_purelib is (is_pure == "true")
    assert {*wheel.files} == {pure, plat, "../../../bin/run", "app-1.0.dist-info/WHEEL"}


def test_digests_come_from_the_bytes_and_never_from_record(tmp_path: Path) -> None:
    wheel = read(write(tmp_path / "w.whl", {"app/__init__.py": "A = 1\n", "app/empty": ""}))
    assert wheel.files == {
        "app/__init__.py": content("A = 1\n"),
        "app/empty": content(""),
        "app-1.0.dist-info/WHEEL": content(WHEEL),
    }
    assert (wheel.dist_info, wheel.root_is_purelib, wheel.entry_points) == ("app-1.0.dist-info", True, None)
    assert wheel.wheel_text == WHEEL


def test_the_executable_bit_is_the_archives_but_a_script_is_always_executable(tmp_path: Path) -> None:
    files = {"app/run.sh": "x", "app/plain": "x", "app-1.0.data/scripts/tool": "x"}
    wheel = read(write(tmp_path / "w.whl", files, executable=("app/run.sh",)))
    assert {path: each.executable for path, each in wheel.files.items() if "dist-info" not in path} == {
        "app/run.sh": True,
        "app/plain": False,
        "../../../bin/tool": True,
    }


@pytest.mark.parametrize(
    ("member", "installed"),
    [
        ("app-1.0.data/purelib/app/x.py", "app/x.py"),
        ("app-1.0.data/platlib/app/x.so", "app/x.so"),
        ("app-1.0.data/data/share/man/x.1", "../../../share/man/x.1"),
        ("app-1.0.data/scripts/x", "../../../bin/x"),
        ("app-1.0.data/headers/x.h", "../../../include/site/python3.11/app/x.h"),
        ("other-1.0.data/data/x", "other-1.0.data/data/x"),
        ("app/app-1.0.data/data/x", "app/app-1.0.data/data/x"),
    ],
)
def test_each_subtree_goes_to_its_place(member: str, installed: str, tmp_path: Path) -> None:
    wheel = read(write(tmp_path / "w.whl", {member: "x"}))
    assert wheel.members[installed] == member
    assert wheel.files[installed].digest == content("x").digest


def test_scripts_whose_first_line_changes_when_installed_are_marked(tmp_path: Path) -> None:
    files = {
        "app-1.0.data/scripts/a": "#!python\nx",
        "app-1.0.data/scripts/b": "#!pythonw\nx",
        "app-1.0.data/scripts/c": "#!/bin/sh\nx",
        "app/d": "#!python\nx",
    }
    assert read(write(tmp_path / "w.whl", files)).rewritten == {"../../../bin/a", "../../../bin/b"}


def test_entry_points_and_the_kind_of_root_are_read(tmp_path: Path) -> None:
    text = "[console_scripts]\nx = app:main\n"
    files = {"app-1.0.dist-info/entry_points.txt": text}
    wheel = read(write(tmp_path / "w.whl", files, wheel=WHEEL.replace("true", "false")))
    assert (wheel.entry_points, wheel.root_is_purelib) == (text, False)


@pytest.mark.parametrize(
    "name",
    ["../evil", "app/../../evil", "/evil", "app-1.0.data/data/../../evil", "C:/evil", "..\\evil", "./app/x", "app//x"],
)
def test_a_path_that_would_leave_its_place_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CycleFailed, match="a path that leaves its place") as caught:
        read(write(tmp_path / "w.whl", {name: "x"}))
    assert caught.value.kind is FailureKind.BUILD


@pytest.mark.parametrize("name", ["app-1.0.data/nowhere/x", "app-1.0.data/scripts"])
def test_a_member_without_a_place_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CycleFailed, match="for which there is no place"):
        read(write(tmp_path / "w.whl", {name: "x"}))


def test_a_path_that_is_too_long_in_the_environment_is_refused_though_the_trees_was_not(tmp_path: Path) -> None:
    most = os.pathconf("/", "PC_PATH_MAX") - 1 - len(f"{PURELIB}/")
    deep = "app/" + "d/" * (most // 2 - 20)
    for longest in ("x" * (most - len(deep)), "d" * (most - len(deep) - len("/__pycache__")) + "/a"):
        assert deep + longest in read(write(tmp_path / "fits.whl", {deep + longest: ""})).files
        with pytest.raises(CycleFailed, match=r"^app/d/.*\.\.\. would have a path of \d+ bytes") as caught:
            read(write(tmp_path / "w.whl", {f"{deep}d{longest}": ""}))
        assert caught.value.kind is FailureKind.BUILD


def test_two_members_for_one_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CycleFailed, match=r"the wheel holds x\.py twice"):
        read(write(tmp_path / "w.whl", {"x.py": "1", "app-1.0.data/purelib/x.py": "2"}))


def test_what_is_no_wheel_is_a_failed_build(tmp_path: Path) -> None:
    with pytest.raises(CycleFailed, match=r"the wheel has no app-1\.0\.dist-info/WHEEL"):
        read(write(tmp_path / "w.whl", {}, wheel=None))
    with pytest.raises(CycleFailed, match="has 2 dist-info directories"):
        read(write(tmp_path / "two.whl", {"b-1.dist-info/METADATA": ""}))
    (tmp_path / "bad.whl").write_bytes(b"PK no zip")
    with pytest.raises(CycleFailed, match=r"the wheel bad\.whl cannot be unpacked"):
        read(str(tmp_path / "bad.whl"))


def test_a_damaged_member_is_a_failed_build(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "w.whl", {"app/x": "whole"}))
    path.write_bytes(path.read_bytes().replace(b"whole", b"broke"))
    with pytest.raises(CycleFailed, match="Bad CRC-32"):
        read(str(path))


def test_a_damaged_deflated_member_and_a_name_that_is_not_utf_8_are_failed_builds(tmp_path: Path) -> None:
    path = tmp_path / "w.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app-1.0.dist-info/WHEEL", WHEEL)
        archive.writestr("app/\xe9", bytes(1000))
        start = archive.getinfo("app/\xe9").header_offset + 30 + len("app/\xe9".encode())
    whole = path.read_bytes()
    path.write_bytes(whole[:start] + b"\xff" + whole[start + 1 :])
    with pytest.raises(CycleFailed, match=r"the wheel w\.whl cannot be unpacked: Error -3"):
        read(str(path))
    path.write_bytes(whole.replace("\xe9".encode(), b"\xff\xff"))
    with pytest.raises(CycleFailed, match=r"the wheel w\.whl cannot be unpacked: .*invalid start byte"):
        read(str(path))


def test_a_wheel_that_cannot_be_opened_is_an_io_failure(tmp_path: Path) -> None:
    with pytest.raises(CycleFailed, match="No such file or directory") as caught:
        read(str(tmp_path / "none.whl"))
    assert caught.value.kind is FailureKind.IO
