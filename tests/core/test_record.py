import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core import record
from uvwatch.core.model import Content, Delta
from uvwatch.core.record import Row

names = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1)


@given(st.dictionaries(names, st.tuples(st.sampled_from(["", "sha256=abc"]), st.none() | st.integers(0)), max_size=8))
def test_what_csv_writes_is_read_back(rows: dict[str, tuple[str, int | None]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows((path, digest, size) for path, (digest, size) in rows.items())

    assert record.parse(out.getvalue()) == {path: Row(*row) for path, row in rows.items()}


@pytest.mark.parametrize(
    "text", ["a.py,sha256=x", "a.py,sha256=x,1,2", ",sha256=x,1", "a.py,sha256=x,many", '"a.py'], ids=repr
)
def test_a_row_that_is_no_row_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        record.parse(text)


def test_an_empty_record_has_no_rows() -> None:
    assert record.parse("") == {}


def test_the_digest_of_nothing_is_the_one_that_installers_write() -> None:
    assert record.digest(b"") == "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


@pytest.mark.parametrize(
    ("path", "by_installer"),
    [
        ("myapp/RECORD", False),
        ("myapp-1.dist-info/RECORD", True),
        ("myapp-1.dist-info/uv_cache.json", True),
        ("myapp-1.dist-info/METADATA", False),
        ("myapp-1.dist-info/licenses/INSTALLER", False),
        ("myapp.dist-info", False),
    ],
)
def test_what_the_installer_wrote_is_known_by_its_place(path: str, *, by_installer: bool) -> None:
    assert record.by_installer(path) is by_installer


def test_a_delta_names_what_came_changed_and_went() -> None:
    one, two = Content("sha256=1", executable=False), Content("sha256=2", executable=False)
    before = {"a": one, "b": one, "c": one, "x-1.dist-info/uv_cache.json": one}
    after = {"b": two, "c": one, "d": one, "x-1.dist-info/uv_cache.json": two}

    assert record.delta(before, after) == Delta(added=("d",), changed=("b",), removed=("a",))


def test_an_executable_bit_is_a_change() -> None:
    before, after = {"a": Content("sha256=1", executable=False)}, {"a": Content("sha256=1", executable=True)}

    assert record.delta(before, after).changed == ("a",)


def test_a_name_may_hold_what_ends_a_line_elsewhere() -> None:
    rows = 'app/a\u2028b.css,sha256=x,1\r\n"app/a\nb.css",,\n'
    assert [*record.parse(rows)] == ["app/a\u2028b.css", "app/a\nb.css"]
