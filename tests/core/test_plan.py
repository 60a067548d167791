import dataclasses

import pytest

from uvwatch.core.model import Content, Stale, Why
from uvwatch.core.origins import learn
from uvwatch.core.plan import (
    Learned,
    Standing,
    compare,
    concerns_compiler,
    describe,
    difference,
    judge,
    name_some,
    patch_of,
    suffices,
)


def contents(texts: dict[str, str]) -> dict[str, Content]:
    return {path: Content(text, executable=False) for path, text in texts.items()}


TREE = contents({"src/pkg/a.py": "a", "src/pkg/b.css": "b", "README.md": "r", "pyproject.toml": "p", "tests/t.py": "t"})
WHEEL = contents({"pkg/a.py": "a", "pkg/b.css": "b", "pkg-1.dist-info/METADATA": "m", "pkg-1.dist-info/WHEEL": "w"})
LEARNED = Learned(tree=TREE, wheel=WHEEL, origins=learn(WHEEL, TREE))


def test_an_unchanged_tree_and_a_whole_copy_are_fresh_without_a_build() -> None:
    judgement = judge(LEARNED, TREE, WHEEL)

    assert (judgement.standing, judgement.stale, judgement.complete) == (Standing.FRESH, (), True)


def test_nothing_is_known_before_the_first_build() -> None:
    assert judge(None, TREE, WHEEL).standing is Standing.ASK


@pytest.mark.parametrize(
    ("change", "standing"),
    [
        pytest.param({"src/pkg/a.py": "new"}, Standing.STALE, id="a file of the wheel"),
        pytest.param({"src/pkg/new.css": "n"}, Standing.STALE, id="a new file beside files of the wheel"),
        pytest.param({"src/pkg/deep/er/new.css": "n"}, Standing.STALE, id="a new directory below them"),
        pytest.param({"README.md": "new"}, Standing.ASK, id="a file that metadata may be read from"),
        pytest.param({"pyproject.toml": "new"}, Standing.ASK, id="the build's own settings"),
        pytest.param({"tests/t.py": "new"}, Standing.ASK, id="a file that the wheel left out"),
        pytest.param({"tests/new.py": "n"}, Standing.ASK, id="a new file beside files that the wheel left out"),
        pytest.param({"src/new.py": "n"}, Standing.ASK, id="a new file where no file was"),
    ],
)
def test_what_a_change_to_the_tree_means(change: dict[str, str], standing: Standing) -> None:
    assert judge(LEARNED, TREE | contents(change), WHEEL).standing is standing


def test_a_removed_file_of_the_wheel_is_extra() -> None:
    tree = {path: content for path, content in TREE.items() if path != "src/pkg/b.css"}

    judgement = judge(LEARNED, tree, WHEEL)

    assert judgement.stale == (Stale(path="pkg/b.css", source="src/pkg/b.css", why=Why.EXTRA),)


def test_a_change_that_is_installed_already_is_left_to_the_backend() -> None:
    new = contents({"src/pkg/a.py": "new"})

    assert judge(LEARNED, TREE | new, WHEEL | contents({"pkg/a.py": "new"})).standing is Standing.ASK


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"pkg/a.py": "old"}, Stale(path="pkg/a.py", source="src/pkg/a.py", why=Why.DIFFERS)),
        ({"pkg/a.py": None}, Stale(path="pkg/a.py", source="src/pkg/a.py", why=Why.MISSING)),
        ({"pkg/gone.py": "g"}, Stale(path="pkg/gone.py", source=None, why=Why.EXTRA)),
        ({"pkg-1.dist-info/METADATA": "x"}, Stale(path="pkg-1.dist-info/METADATA", source=None, why=Why.METADATA)),
        ({"pkg-1.dist-info/METADATA": None}, Stale(path="pkg-1.dist-info/METADATA", source=None, why=Why.METADATA)),
    ],
)
def test_each_stale_file_has_its_why(installed: dict[str, str | None], expected: Stale) -> None:
    there = WHEEL | contents({path: text for path, text in installed.items() if text is not None})
    there = {path: content for path, content in there.items() if installed.get(path, "") is not None}

    assert compare(LEARNED, there) == (expected,)
    assert judge(LEARNED, TREE, there).stale == (expected,)


def test_a_generator_line_alone_is_no_difference() -> None:
    assert compare(LEARNED, WHEEL | contents({"pkg-1.dist-info/WHEEL": "other"})) == ()


def test_a_bill_of_materials_is_another_after_each_build_and_only_its_absence_counts() -> None:
    sbom = "pkg-1.dist-info/sboms/pkg.cyclonedx.json"
    learned = dataclasses.replace(LEARNED, wheel=WHEEL | contents({sbom: "one"}))

    assert compare(learned, WHEEL | contents({sbom: "two"})) == ()
    assert compare(learned, WHEEL) == (Stale(path=sbom, source=None, why=Why.METADATA),)


def test_a_script_that_the_installer_writes_only_has_to_be_there() -> None:
    script = contents({"../../../bin/tool": ""})
    learned = dataclasses.replace(LEARNED, wheel=WHEEL | script, rewritten=frozenset(script))

    assert compare(learned, WHEEL | contents({"../../../bin/tool": "#!/x"})) == ()
    assert [stale.why for stale in compare(learned, WHEEL)] == [Why.MISSING]


def test_one_directory_with_a_file_that_the_wheel_left_out_makes_a_new_file_a_question() -> None:
    tree = TREE | contents({"src/pkg/notes.txt": "n"})
    learned = Learned(tree=tree, wheel=WHEEL, origins=learn(WHEEL, tree))

    assert judge(learned, tree | contents({"src/pkg/new.css": "n"}), WHEEL).standing is Standing.ASK


def test_a_file_that_the_build_itself_left_in_the_tree_is_no_change() -> None:
    wheel = WHEEL | contents({"pkg/_version.py": "v"})
    learned = dataclasses.replace(LEARNED, wheel=wheel)

    assert judge(learned, TREE | contents({"src/pkg/_version.py": "v"}), wheel).standing is Standing.FRESH
    assert judge(learned, TREE | contents({"src/pkg/_version.py": "w"}), wheel).standing is Standing.STALE


def test_a_difference_tells_touched_from_changed() -> None:
    batch = difference(
        contents({"a": "1", "b": "1", "c": "1"}), contents({"b": "2", "c": "1", "d": "1"}), seen=["b", "c"]
    )

    assert (batch.added, batch.changed, batch.removed, batch.touched) == (("d",), ("b",), ("a",), ("c",))
    assert batch.differs
    assert batch.paths == ("a", "b", "c", "d")


def test_the_same_bytes_are_no_difference() -> None:
    batch = difference(TREE, TREE, seen=["README.md"])

    assert not batch.differs
    assert batch.paths == ("README.md",)


def test_counts_and_names_in_words() -> None:
    stale = compare(LEARNED, {})

    assert describe(stale) == "2 missing, 2 metadata"
    assert name_some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert name_some(["a"]) == "a"


def patch(tree: dict[str, str], *, learned: Learned = LEARNED, dynamic: bool = False) -> object:
    return patch_of(learned, TREE | contents(tree), build_inputs=("/pyproject.toml", "/README.md"), dynamic=dynamic)


def test_changed_files_that_stand_in_the_wheel_are_patched_where_they_stand() -> None:
    assert patch({"src/pkg/a.py": "new"}) == {"src/pkg/a.py": ("pkg/a.py",)}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"src/pkg/new.py": "n"}, id="a new file"),
        pytest.param({"README.md": "new"}, id="a build input"),
        pytest.param({"tests/t.py": "new"}, id="a file that the wheel left out"),
        pytest.param({"src/pkg/a.py": "new", "tests/t.py": "new"}, id="one of each"),
    ],
)
def test_what_only_a_build_can_tell_is_not_patched(change: dict[str, str]) -> None:
    assert patch(change) == {}


def test_a_file_is_not_patched_where_the_backend_alone_knows_whether_it_stays_executable() -> None:
    before, after = ({"src/pkg/a.py": Content(text, executable=True)} for text in ("a", "new"))
    kept = dataclasses.replace(LEARNED, tree=TREE | before, wheel=WHEEL | {"pkg/a.py": Content("a", executable=True)})
    lost = dataclasses.replace(LEARNED, tree=TREE | before)  # setuptools does so with modules

    assert patch_of(kept, TREE | after, build_inputs=(), dynamic=False) == {"src/pkg/a.py": ("pkg/a.py",)}
    assert patch_of(lost, TREE | after, build_inputs=(), dynamic=False) == {}
    assert patch_of(LEARNED, TREE | after, build_inputs=(), dynamic=False) == {}


def test_a_patch_suffices_only_where_nobody_else_changed_the_copy() -> None:
    places = {"src/pkg/a.py": ("pkg/a.py",)}

    assert suffices(LEARNED, WHEEL, places)
    assert suffices(LEARNED, WHEEL | contents({"pkg/a.py": "older"}), places)
    assert not suffices(LEARNED, WHEEL | contents({"pkg/b.css": "older"}), places)
    assert not suffices(LEARNED, {path: content for path, content in WHEEL.items() if path != "pkg/b.css"}, places)


def test_a_removed_file_is_not_patched() -> None:
    tree = {path: content for path, content in TREE.items() if path != "src/pkg/b.css"}

    assert patch_of(LEARNED, tree, build_inputs=(), dynamic=False) == {}


def test_a_module_is_not_patched_where_metadata_may_be_read_from_it() -> None:
    assert patch({"src/pkg/a.py": "new"}, dynamic=True) == {}
    assert patch({"src/pkg/b.css": "new"}, dynamic=True) == {"src/pkg/b.css": ("pkg/b.css",)}


def test_nothing_is_patched_in_a_wheel_that_holds_something_of_the_builds_own_making() -> None:
    made = dataclasses.replace(LEARNED, wheel=WHEEL | contents({"pkg/_version.py": "v"}))

    assert patch({"src/pkg/b.css": "new"}, learned=made) == {}


def test_a_file_that_became_metadata_is_not_patched() -> None:
    tree = TREE | contents({"LICENSE": "l"})
    wheel = WHEEL | contents({"pkg-1.dist-info/licenses/LICENSE": "l"})
    learned = Learned(tree=tree, wheel=wheel, origins=learn(wheel, tree))

    assert patch_of(learned, tree | contents({"LICENSE": "new"}), build_inputs=(), dynamic=False) == {}


def test_a_file_that_stands_in_the_wheel_twice_is_patched_at_both_places() -> None:
    tree = contents({"src/pkg/a.py": "a", "src/pkg/b.py": "b", "data/x.txt": "x"})
    wheel = contents({"pkg/a.py": "a", "pkg/b.py": "b", "pkg/x.txt": "x"})
    origins = learn(wheel, tree)
    twice = Learned(
        tree=tree,
        wheel=wheel | contents({"other/x.txt": "x"}),
        origins=dataclasses.replace(origins, of={**origins.of, "other/x.txt": "data/x.txt"}),
    )

    assert patch_of(twice, tree | contents({"data/x.txt": "new"}), build_inputs=(), dynamic=False) == {
        "data/x.txt": ("pkg/x.txt", "other/x.txt")
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({}, False, id="nothing"),
        pytest.param({"src/pkg/a.py": "new"}, False, id="a module of the wheel"),
        pytest.param({"src/pkg/b.css": "new"}, True, id="another file of the wheel: it may be a header"),
        pytest.param({"tests/t.py": "new"}, True, id="a module that the wheel leaves out"),
        pytest.param({"src/pkg/new.py": "n"}, True, id="a new file"),
    ],
)
def test_only_modules_of_the_wheel_are_known_to_be_none_of_a_compilers_business(
    change: dict[str, str], expected: bool
) -> None:
    assert concerns_compiler(LEARNED, TREE | contents(change)) is expected


def test_before_the_first_build_and_when_a_file_went_a_compiler_is_concerned() -> None:
    assert concerns_compiler(None, TREE)
    assert concerns_compiler(LEARNED, {path: TREE[path] for path in TREE if path != "src/pkg/a.py"})
