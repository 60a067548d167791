import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from uv import find_uv_bin

from uvwatch.core import record
from uvwatch.core.model import Content, Distribution, Known
from uvwatch.errors import Fatal
from uvwatch.project.environment import Environment, open_environment
from uvwatch.project.files import RACY_NS, read
from uvwatch.project.installed import NOT_WHOLE, local_distributions, read_installed, select

EDITABLE: Mapping[str, Any] = {"editable": True}
COPY: Mapping[str, Any] = {"editable": False}


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    site = tmp_path / "env/lib/python3.12/site-packages"
    site.mkdir(parents=True)
    return Environment(
        prefix=tmp_path / "env",
        purelib=site,
        platlib=site,
        python=tmp_path / "env/bin/python",
        has_pyvenv_cfg=True,
        python_version="3.12.1",
    )


def dist_info(site: Path, name: str, files: Mapping[str, str]) -> Path:
    place = site / f"{name}.dist-info"
    place.mkdir(parents=True)
    for path, text in files.items():
        (place / path).write_text(text, encoding="utf-8")
    return place


def a_directory(url: str, dir_info: Mapping[str, Any] = COPY) -> str:
    return json.dumps({"url": url, "dir_info": dir_info})


def test_what_uv_writes_becomes_a_distribution(env: Environment) -> None:
    files = {
        "METADATA": "Metadata-Version: 2.3\nName: My.App\nVersion: 1.0+local\n\nName: no\n",
        "INSTALLER": "uv",
        "direct_url.json": a_directory("file:///p/my%20app"),
    }
    dist_info(env.purelib, "my_app-1.0+local", files)

    assert local_distributions(env) == (
        Distribution(
            name="my-app",
            version="1.0+local",
            root="/p/my app",
            editable=False,
            dist_info="my_app-1.0+local.dist-info",
            by_uv=True,
        ),
    )


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("file:///p", "/p"),
        ("file:///p/", "/p"),
        ("file://localhost/p", "/p"),
        ("file:///h%C3%A9llo/%E2%82%AC", "/héllo/€"),
        ("file:///caf%E9", os.fsdecode(b"/caf\xe9")),
        ("file:///a%23b%3Fc%25d", "/a#b?c%d"),
    ],
)
def test_the_url_is_decoded_to_the_directorys_name(env: Environment, url: str, root: str) -> None:
    dist_info(env.purelib, "x-1", {"direct_url.json": a_directory(url)})

    assert [each.root for each in local_distributions(env)] == [root]


@pytest.mark.parametrize(
    ("dir_info", "editable"), [({}, False), (COPY, False), (EDITABLE, True), ({"editable": "yes"}, False)]
)
def test_editable_is_only_what_says_so(env: Environment, dir_info: Mapping[str, Any], *, editable: bool) -> None:
    dist_info(env.purelib, "x-1", {"direct_url.json": a_directory("file:///p", dir_info)})

    assert [each.editable for each in local_distributions(env)] == [editable]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "null",
        "[]",
        "3",
        '{"url": "file:///p"}',
        '{"url": "file:///p", "dir_info": null}',
        '{"url": "file:///p", "archive_info": {}}',
        '{"url": "https://example.org/p", "vcs_info": {"vcs": "git"}}',
        '{"dir_info": {}}',
        '{"url": 3, "dir_info": {}}',
        '{"url": "https://example.org/p", "dir_info": {}}',
        '{"url": "file://server/p", "dir_info": {}}',
        '{"url": "file:p", "dir_info": {}}',
        '{"url": "file:///p%00q", "dir_info": {}}',
        '{"url": "file://[/p", "dir_info": {}}',
    ],
)
def test_what_is_not_from_a_local_directory_or_cannot_be_read_is_left_out(env: Environment, text: str) -> None:
    dist_info(env.purelib, "x-1", {"direct_url.json": text})
    dist_info(env.purelib, "y-1", {})
    dist_info(env.purelib, "good-1", {"direct_url.json": a_directory("file:///p")})

    assert [each.name for each in local_distributions(env)] == ["good"]


def test_bytes_that_are_not_utf_8_are_left_out_and_a_missing_metadata_is_not_missed(env: Environment) -> None:
    dist_info(env.purelib, "x-1", {}).joinpath("direct_url.json").write_bytes(b'{"url": "file:///\xff"}')
    other = dist_info(env.purelib, "My_App-2.0", {"direct_url.json": a_directory("file:///p"), "INSTALLER": "pip\n"})
    (other / "METADATA").write_bytes(b"Name: caf\xe9\n")

    assert [(each.name, each.version, each.by_uv) for each in local_distributions(env)] == [("my-app", "2.0", False)]


def test_distributions_of_both_libraries_are_sorted_by_name(tmp_path: Path, env: Environment) -> None:
    env = replace(env, platlib=tmp_path / "env/lib64/site-packages")
    for site, name in ((env.purelib, "b-1"), (env.platlib, "a-1"), (env.purelib, "c-1")):
        dist_info(site, name, {"direct_url.json": a_directory("file:///p")})

    assert [each.name for each in local_distributions(env)] == ["a", "b", "c"]


def test_an_environment_without_site_packages_has_none(env: Environment) -> None:
    env.purelib.rmdir()

    assert local_distributions(env) == ()


def test_of_two_of_one_name_the_one_with_a_record_counts(env: Environment) -> None:
    direct_url = a_directory("file:///p")
    dist_info(env.purelib, "x-1", {"direct_url.json": direct_url, "RECORD": ""})
    dist_info(env.purelib, "x-2", {"direct_url.json": direct_url})

    assert [each.version for each in local_distributions(env)] == ["1"]


def test_of_two_whole_ones_of_one_name_the_younger_counts(env: Environment) -> None:
    direct_url = a_directory("file:///p")
    for version, age in (("1", 200), ("2", 100)):
        place = dist_info(env.purelib, f"x-{version}", {"direct_url.json": direct_url, "RECORD": ""})
        os.utime(place, (age, age))

    assert [each.version for each in local_distributions(env)] == ["1"]


def named(*names: str) -> tuple[Distribution, ...]:
    return tuple(
        Distribution(name=name, version="1", root=f"/{name}", editable=False, dist_info=f"{name}-1.dist-info")
        for name in names
    )


def test_selection_takes_any_spelling_and_keeps_the_order() -> None:
    assert select(named("a-b", "c", "d"), ["D", "A_b"]) == named("a-b", "d")
    assert select(named("a", "b"), None) == named("a", "b")
    assert select(named("a"), []) == ()


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(Fatal, match=r"^no local distribution Zed is installed: there are a, b$"):
        select(named("a", "b"), ["a", "Zed"])
    with pytest.raises(Fatal, match=r"^no local distribution a is installed: there is none$"):
        select((), ["a"])


X = Distribution(name="x", version="1", root="/p", editable=False, dist_info="x-1.dist-info")
RECORD = f"{X.dist_info}/RECORD"


def install(env: Environment, files: Mapping[str, bytes], *, rows: tuple[str, ...] = (f"{RECORD},,",)) -> None:
    """Put files in place with a RECORD whose sizes and digests are right, and further rows."""
    (env.purelib / X.dist_info).mkdir(exist_ok=True)
    lines = []
    for path, data in files.items():
        place = env.purelib / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        lines.append(f"{path},{record.digest(data)},{len(data)}")
    (env.purelib / RECORD).write_text("\n".join((*lines, *rows)) + "\n", encoding="utf-8")


def test_the_real_bytes_are_read_whatever_record_claims(env: Environment) -> None:
    install(env, {"x/a.py": b"old", "x/é.css": b"", "../../../bin/x": b"#!"})
    (env.purelib / "x/a.py").write_bytes(b"new")
    (env.purelib / "../../../bin/x").chmod(0o755)

    copy = read_installed(env, X)

    assert {path: known.content for path, known in copy.files.items()} == {
        "x/a.py": Content(record.digest(b"new"), executable=False),
        "x/é.css": Content(record.digest(b""), executable=False),
        "../../../bin/x": Content(record.digest(b"#!"), executable=True),
    }
    assert copy.record["x/a.py"] == record.Row(record.digest(b"old"), 3)
    assert copy.record[RECORD] == record.Row("", None)
    assert (copy.missing, copy.whole) == ((), True)


def test_what_record_names_and_is_no_file_is_missing(env: Environment, tmp_path: Path) -> None:
    rows = ("x/gone.py,,", "x/a.py/below,,", "x/directory,,", "x/loop,,", f"{'n' * 300},,", f"{tmp_path}/absolute,,")
    install(env, {"x/a.py": b""}, rows=(*rows, f"{RECORD},,"))
    (env.purelib / "x/directory").mkdir()
    (env.purelib / "x/loop").symlink_to("loop")
    (tmp_path / "absolute").write_bytes(b"there")

    copy = read_installed(env, X)

    assert copy.missing == ("x/gone.py", "x/a.py/below", "x/directory", "x/loop", "n" * 300)
    assert set(copy.files) == {"x/a.py", f"{tmp_path}/absolute"}
    assert copy.whole


def test_files_whose_signature_is_known_are_not_read_again(env: Environment) -> None:
    install(env, {"x/a.py": b"a", "x/b.py": b"b"})
    lie = Content("sha256=lie", executable=False)
    known = {}
    for path in ("x/a.py", "x/b.py"):
        seen = read(str(env.purelib / path), now_ns=lambda: time.time_ns() + 10 * RACY_NS)
        known[path] = Known(seen.signature, lie)
    (env.purelib / "x/b.py").write_bytes(b"changed")

    copy = read_installed(env, X, replace(NOT_WHOLE, files=known))

    assert copy.files["x/a.py"] is known["x/a.py"]
    assert copy.files["x/b.py"].content.digest == record.digest(b"changed")


def test_a_copy_that_is_as_it_was_is_the_very_same_value_and_another_is_read(env: Environment) -> None:
    install(env, {"x/a.py": b"a", "x/b.py": b"b"})
    first = read_installed(env, X)
    rested = replace(
        first,
        files={
            path: read(str(env.purelib / path), now_ns=lambda: time.time_ns() + 10 * RACY_NS) for path in first.files
        },
    )

    assert read_installed(env, X, rested) is rested
    (env.purelib / "x/b.py").unlink()
    assert read_installed(env, X, rested).missing == ("x/b.py",)
    (env.purelib / "x/b.py").write_bytes(b"other")
    assert read_installed(env, X, rested).files["x/b.py"].content.digest == record.digest(b"other")


@pytest.mark.parametrize("text", [b"", b"x/a.py,,\n", b"x/a.py\n", b"\xff,,\n", f"{RECORD},,ten\n".encode()])
def test_a_record_that_is_not_whole_is_said_so_and_nothing_is_read(env: Environment, text: bytes) -> None:
    install(env, {"x/a.py": b""})
    (env.purelib / RECORD).write_bytes(text)

    copy = read_installed(env, X)

    assert (copy.whole, copy.record, copy.files, copy.missing) == (False, {}, {}, ())


def test_no_record_is_not_whole(env: Environment) -> None:
    assert read_installed(env, X).whole is False


def test_a_distribution_of_the_platform_library_is_read_from_there(env: Environment, tmp_path: Path) -> None:
    other = replace(env, purelib=tmp_path / "pure")
    other.purelib.mkdir()
    install(env, {"x/a.so": b"elf"})

    assert set(read_installed(other, X).files) == {"x/a.so"}


@pytest.fixture
def unreadable(env: Environment) -> Path:
    install(env, {"x/a.py": b""})
    # What the kernel itself refuses to read, to root as well.
    (env.purelib / "x/a.py").unlink()
    (env.purelib / "x/a.py").symlink_to("/proc/self/mem")
    return env.purelib / "x/a.py"


@pytest.mark.usefixtures("unreadable")
def test_a_file_that_is_there_and_cannot_be_read_is_an_error(env: Environment) -> None:
    with pytest.raises(OSError, match="Input/output error"):
        read_installed(env, X)


@pytest.mark.parametrize("editable", [True, False])
def test_what_uv_itself_installs_is_found_and_its_record_is_true(tmp_path: Path, *, editable: bool) -> None:
    root, prefix = tmp_path / "my äpp", tmp_path / "env"
    (root / "src/my_app").mkdir(parents=True)
    (root / "src/my_app/__init__.py").write_text("VALUE = 1\n", encoding="utf-8")
    (root / "src/my_app/é.css").write_text("a{}\n", encoding="utf-8")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "My.App"\nversion = "1.2"\n[project.scripts]\nmy-app = "my_app:main"\n'
        '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n',
        encoding="utf-8",
    )
    mode = ["--editable"] if editable else []
    for arguments in (
        ["venv", "--no-project", "--python", sys.executable, str(prefix)],
        ["pip", "install", "--offline", "--no-deps", "--python", str(prefix), *mode, str(root)],
    ):
        subprocess.run([find_uv_bin(), *arguments, "--quiet", "--no-cache"], cwd=tmp_path, check=True)
    opened = open_environment(prefix)

    (distribution,) = local_distributions(opened)
    copy = read_installed(opened, distribution)

    assert distribution == Distribution(
        name="my-app",
        version="1.2",
        root=str(root),
        editable=editable,
        dist_info="my_app-1.2.dist-info",
        by_uv=True,
    )
    assert {path: known.content.digest for path, known in copy.files.items()} == {
        path: row.digest for path, row in copy.record.items() if row.digest
    }
    assert ("my_app/é.css" in copy.files) is not editable
    assert copy.files["../../../bin/my-app"].content.executable
    assert (copy.missing, copy.whole) == ((), True)
