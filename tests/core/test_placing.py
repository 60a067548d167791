import csv
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core import placing, record
from uvwatch.core.model import Content, Delta, Distribution
from uvwatch.core.placing import (
    Installed,
    Kind,
    Step,
    Wanted,
    delta,
    leads_out,
    patched,
    refusal,
    render,
    rows_after,
    steps,
)
from uvwatch.core.record import Row

INFO = "app-1.dist-info"
WHEEL = "Wheel-Version: 1.0\nGenerator: uv 1\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
SCRIPT = "../../../bin/app"


def content(text: str, *, executable: bool = False) -> Content:
    return Content(record.digest(text.encode()), executable)


FILES = {
    "app/__init__.py": content("0"),
    "app/a.py": content("a"),
    "app/sub/b.css": content("b"),
    f"{INFO}/METADATA": content("m"),
    f"{INFO}/WHEEL": content(WHEEL),
    SCRIPT: content("s", executable=True),
}


def installed(files: Mapping[str, Content] = FILES) -> Installed:
    rows = {path: Row(each.digest, 1) for path, each in files.items()}
    uvs = {f"{INFO}/{name}": Row("sha256=x", 2) for name in ("INSTALLER", "uv_cache.json")}
    return Installed(
        distribution=Distribution(name="app", version="1", root="/src", editable=False, dist_info=INFO),
        has_pyvenv_cfg=True,
        rows={**rows, **uvs, f"{INFO}/RECORD": Row("", None)},
        files={**files, f"{INFO}/INSTALLER": content("uv"), f"{INFO}/uv_cache.json": content("{}")},
        wheel_text=WHEEL,
    )


def wanted(changes: Mapping[str, Content | None] | None = None, *, wheel_text: str = WHEEL) -> Wanted:
    """What a wheel brings: without the script, which is made of an entry point, and without what uv writes."""
    files = {**FILES, **(changes or {})}
    return Wanted(
        dist_info=INFO,
        files={path: each for path, each in files.items() if each is not None and path != SCRIPT},
        wheel_text=wheel_text,
        generated=frozenset({SCRIPT}),
    )


def why(before: Installed, after: Wanted) -> str | None:
    return refusal(before, after, delta(before, after))


def test_a_bill_of_materials_is_a_plain_file_that_no_program_reads() -> None:
    sbom = f"{INFO}/sboms/app.cyclonedx.json"
    before, after = installed({**FILES, sbom: content("one")}), wanted({sbom: content("two"), "app/a.py": content("n")})

    assert delta(before, after) == Delta(changed=(f"{INFO}/sboms/app.cyclonedx.json", "app/a.py"))
    assert why(before, after) is None


def test_the_same_wheel_again_is_no_difference() -> None:
    assert not delta(installed(), wanted())
    assert why(installed(), wanted()) is None


def test_what_came_changed_and_went_is_named_in_order() -> None:
    after = wanted(
        {"app/z.py": content("z"), "app/c.py": content("c"), "app/a.py": content("A"), "app/sub/b.css": None}
    )
    assert delta(installed(), after) == Delta(
        added=("app/c.py", "app/z.py"), changed=("app/a.py",), removed=("app/sub/b.css",)
    )
    assert why(installed(), after) is None


def test_an_executable_bit_is_a_change() -> None:
    assert delta(installed(), wanted({"app/a.py": content("a", executable=True)})).changed == ("app/a.py",)


def test_a_file_that_is_not_on_the_disk_is_added() -> None:
    before = installed()
    files = {path: each for path, each in before.files.items() if path != "app/a.py"}
    assert delta(replace(before, files=files), wanted()).added == ("app/a.py",)


def test_a_row_that_is_not_what_the_disk_holds_is_a_change() -> None:
    before = installed()
    rows = {**before.rows, "app/a.py": Row("sha256=another", 1)}
    assert delta(replace(before, rows=rows), wanted()).changed == ("app/a.py",)


def test_the_generator_of_the_wheel_is_no_difference() -> None:
    after = wanted({f"{INFO}/WHEEL": content("other")}, wheel_text=WHEEL.replace("uv 1", "uv 2"))
    assert not delta(installed(), after)
    assert why(installed(), after) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({f"{INFO}/METADATA": content("n")}, f"{INFO}/METADATA differs"),
        ({f"{INFO}/entry_points.txt": content("n")}, f"{INFO}/entry_points.txt differs"),
        ({f"{INFO}/licenses/LICENSE": content("n")}, f"{INFO}/licenses/LICENSE differs"),
        ({"other-2.dist-info/x": content("n")}, "other-2.dist-info/x differs"),
        ({"../../../bin/tool": content("n")}, "../../../bin/tool lies outside site-packages"),
        ({"../../../share/x": content("n")}, "../../../share/x lies outside site-packages"),
        ({"app/../../x": content("n")}, "app/../../x lies outside site-packages"),
        ({"/etc/x": content("n")}, "/etc/x lies outside site-packages"),
        ({".uvwatch/x": content("n")}, ".uvwatch/x has a name that is kept for staged files"),
        ({"app/__pycache__/a.cpython-311.pyc": content("n")}, "app/__pycache__/a.cpython-311.pyc is bytecode"),
        ({"app/\udce9.css": content("n")}, "'app/\\udce9.css' is no name that uv installs"),
        ({"app/\x85.css": content("n")}, "'app/\\x85.css' is no name that uv installs"),
        ({"app/sub": content("n"), "app/sub/b.css": None}, "app/sub was a directory before"),
        ({"app/a.py": None, "app/a.py/x": content("n")}, "app/a.py was a file before"),
        ({"app/a.py": None, "app/A.py": content("n")}, "app/a.py becomes app/A.py, which may be the same name here"),
    ],
)
def test_what_is_uvs_business_is_refused_with_a_reason(change: Mapping[str, Content | None], reason: str) -> None:
    assert why(installed(), wanted(change)) == reason


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (
            replace(installed(), distribution=replace(installed().distribution, editable=True)),
            wanted(),
            "it is installed editable",
        ),
        (
            replace(installed(), distribution=replace(installed().distribution, by_uv=False)),
            wanted(),
            "it was not installed by uv",
        ),
        (replace(installed(), has_pyvenv_cfg=False), wanted(), "the environment has no pyvenv.cfg"),
        (replace(installed(), rows={}, files={}), wanted(), "its RECORD is not whole"),
        (installed(), replace(wanted(), dist_info="app-2.dist-info"), "its dist-info is app-2.dist-info now"),
        (
            installed(),
            wanted(wheel_text=WHEEL.replace("none-any", "none-win32")),
            "the wheel is for other interpreters or platforms than before",
        ),
        (installed(), wanted(wheel_text=WHEEL.replace("true", "false")), f"{INFO}/WHEEL differs"),
        (
            installed({path: each for path, each in FILES.items() if path != SCRIPT}),
            wanted(),
            f"the script {SCRIPT} has to be made",
        ),
    ],
)
def test_an_installed_copy_that_is_not_ours_to_change_is_refused(before: Installed, after: Wanted, reason: str) -> None:
    assert why(before, after) == reason


def test_a_patch_is_the_installed_copy_but_for_what_changed() -> None:
    change = {"app/a.py": content("A"), "app/new.py": content("n"), "app/sub/b.css": None}
    before = installed()
    difference = delta(before, patched(before, change))
    assert difference == Delta(added=("app/new.py",), changed=("app/a.py",), removed=("app/sub/b.css",))
    assert why(before, patched(before, change)) is None


def test_a_patch_does_not_forget_what_is_missing() -> None:
    before = installed()
    files = {path: each for path, each in before.files.items() if path != "app/sub/b.css"}
    before = replace(before, files=files)
    assert delta(before, patched(before, {"app/a.py": content("A")})) == Delta(
        added=("app/sub/b.css",), changed=("app/a.py",)
    )


def test_new_files_come_first_and_record_last() -> None:
    new, changed = content("n"), content("A")
    after = wanted({"app/z.py": new, "app/a.py": changed, "app/sub/b.css": None})
    assert steps(delta(installed(), after), after) == (
        Step(kind=Kind.ADD, path="app/z.py", content=new),
        Step(kind=Kind.CHANGE, path="app/a.py", content=changed),
        Step(kind=Kind.REMOVE, path="app/sub/b.css"),
        Step(kind=Kind.RECORD, path=f"{INFO}/RECORD"),
    )


def test_rows_that_nothing_happened_to_stay() -> None:
    before = installed()
    difference = Delta(added=("app/z.py",), changed=("app/a.py",), removed=("app/sub/b.css",))
    written = {"app/z.py": Row("sha256=z", 3), "app/a.py": Row("sha256=a", 4)}
    after = rows_after(before, difference, written)
    assert after == {path: row for path, row in before.rows.items() if path != "app/sub/b.css"} | written


def test_record_is_written_in_the_form_of_uv() -> None:
    rows = {
        "b/é.txt": Row("sha256=1", 1),
        'b/q"uo.txt': Row("sha256=2", 0),
        "b/a b,c.txt": Row("sha256=3", 12),
        "b-x.txt": Row("sha256=4", 1),
        "../../../bin/b": Row("sha256=5", 1),
        "b.dist-info/RECORD": Row("", None),
        "b/#h": Row("sha256=6", 1),
        "b/ lead": Row("sha256=7", 1),
    }
    assert render(rows) == (
        "../../../bin/b,sha256=5,1\n"
        "b-x.txt,sha256=4,1\n"
        "b.dist-info/RECORD,,\n"
        "b/ lead,sha256=7,1\n"
        "b/#h,sha256=6,1\n"
        '"b/a b,c.txt",sha256=3,12\n'
        '"b/q""uo.txt",sha256=2,0\n'
        "b/é.txt,sha256=1,1\n"
    )


paths = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters="\x85"), min_size=1)


@given(st.dictionaries(paths, st.builds(Row, st.sampled_from(["", "sha256=abc"]), st.none() | st.integers(0))))
def test_what_is_written_is_read_back(rows: dict[str, Row]) -> None:
    text = render(rows)
    assert record.parse(text) == rows
    assert [fields[0] for fields in csv.reader(text.splitlines())] == sorted(rows)


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b.py", "c:"]), min_size=1, max_size=5))
def test_a_path_that_is_let_through_stays_below_its_directory(parts: list[str]) -> None:
    depth, path = [0], "/".join(parts)
    for part in parts:
        depth.append(depth[-1] + {"..": -1, ".": 0, "": 0}.get(part, 1))
    stays = min(depth[1:]) > 0 and not path.startswith("/")
    assert leads_out(path) or stays


@given(
    st.dictionaries(st.sampled_from([f"app/{name}" for name in "abcdef"]), st.sampled_from("xyz")),
    st.dictionaries(st.sampled_from([f"app/{name}" for name in "abcdef"]), st.sampled_from("xyz")),
)
def test_carrying_out_the_steps_makes_what_is_wanted(before: dict[str, str], after: dict[str, str]) -> None:
    old = installed({path: content(text) for path, text in before.items()} | {f"{INFO}/WHEEL": content(WHEEL)})
    new = Wanted(
        dist_info=INFO,
        files={path: content(text) for path, text in after.items()} | {f"{INFO}/WHEEL": content(WHEEL)},
        wheel_text=WHEEL,
    )
    disk = {path: each for path, each in old.files.items() if path.startswith("app/")}
    difference = delta(old, new)
    for step in steps(difference, new)[:-1]:
        if step.content is None:
            del disk[step.path]
        else:
            assert (step.path in disk) is (step.kind is Kind.CHANGE)
            disk[step.path] = step.content
    assert disk == {path: each for path, each in new.files.items() if path.startswith("app/")}
    rows = rows_after(
        old, difference, {path: Row(new.files[path].digest, 1) for path in (*difference.added, *difference.changed)}
    )
    assert {path: row.digest for path, row in rows.items() if path in disk} == {
        path: each.digest for path, each in disk.items()
    }
    assert placing.refusal(old, new, difference) is None
