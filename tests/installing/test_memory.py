from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from uvwatch.core.model import Content, Known, Signature
from uvwatch.core.origins import Origins, Rule
from uvwatch.core.plan import Learned
from uvwatch.installing.memory import Memory, Store

paths = st.text(st.characters(codec="utf-8"), min_size=1) | st.just("caf\udce9.css") | st.just("a\nb")
contents = st.builds(Content, st.sampled_from(["sha256=a", "sha256=b"]), st.booleans())
signatures = st.builds(Signature, *[st.integers(-1, 2**63)] * 5)
known = st.dictionaries(paths, st.builds(Known, signatures, contents), max_size=3)
learned = st.builds(
    Learned,
    tree=st.dictionaries(paths, contents, max_size=3),
    wheel=st.dictionaries(paths, contents, max_size=3),
    origins=st.builds(
        Origins,
        of=st.dictionaries(paths, paths, max_size=3),
        rules=st.lists(st.builds(Rule, paths, paths), max_size=2).map(tuple),
    ),
    rewritten=st.frozensets(paths, max_size=2),
)
memories = st.builds(
    Memory,
    tree=known,
    installed=known,
    learned=st.none() | learned,
    lock=st.none() | st.text(st.characters(codec="utf-8")),
    editable=st.none() | st.booleans(),
    learned_editable=st.none() | st.booleans(),
)


@given(memory=memories)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_saved_is_loaded(tmp_path: Path, memory: Memory) -> None:
    store = Store(tmp_path / "state")

    assert store.save("pkg", "/root", memory) is None
    assert store.load("pkg", "/root") == memory


def test_a_memory_of_another_root_is_as_good_as_none(tmp_path: Path) -> None:
    store = Store(tmp_path / "state")
    store.save("pkg", "/here", Memory(lock="x"))

    assert store.load("pkg", "/there") == Memory()


def test_the_modes_are_those_of_all_that_was_ever_seen_wherever_it_lay(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name, editable in (("copy", False), ("linked", True), ("unseen", None)):
        store.save(name, f"/{name}", Memory(editable=editable))
    for name, text in (("broken", "{"), ("list", "[]"), ("old", '{"version":0,"editable":true}')):
        (tmp_path / f"{name}.json").write_text(text)

    assert store.modes() == {"copy": False, "linked": True}
    assert Store(None).modes() == Store(tmp_path / "gone").modes() == {}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"version":1,"root":"/r"}', '{"version":0,"root":"/r"}', "\x00"]
)
def test_a_broken_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "pkg.json").write_text(text)

    assert Store(tmp_path).load("pkg", "/r") == Memory()


def test_nothing_is_created_in_place_of_an_environment_that_vanished(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()

    assert Store(tmp_path / "venv" / ".uvwatch", inside=tmp_path / "venv").save("pkg", "/r", Memory()) is None
    assert list((tmp_path / "venv").iterdir()) == []


def test_a_place_that_cannot_be_written_is_said_and_leaves_nothing_partial(tmp_path: Path) -> None:
    (tmp_path / "pkg.json").mkdir()
    (tmp_path / "pkg.json" / "in the way").touch()

    assert isinstance(Store(tmp_path).save("pkg", "/r", Memory()), OSError)
    assert [each.name for each in tmp_path.iterdir()] == ["pkg.json"]


def test_without_a_directory_nothing_is_kept() -> None:
    store = Store(None)
    store.save("pkg", "/r", Memory(lock="x"))

    assert store.load("pkg", "/r") == Memory()
