from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core.model import Content
from uvwatch.core.origins import Rule, learn


def contents(texts: dict[str, str]) -> dict[str, Content]:
    return {path: Content(text, executable=False) for path, text in texts.items()}


def test_a_src_layout_teaches_its_rule() -> None:
    tree = contents({"src/pkg/a.py": "a", "src/pkg/b.py": "b", "README.md": "r"})
    learned = learn(contents({"pkg/a.py": "a", "pkg/b.py": "b"}), tree)

    assert learned.of == {"pkg/a.py": "src/pkg/a.py", "pkg/b.py": "src/pkg/b.py"}
    assert learned.rules == (Rule("src", ""),)
    assert learned.packages() == {"src/pkg"}


def test_twins_are_told_apart_by_the_rule() -> None:
    tree = contents(
        {"src/pkg/a.py": "a", "src/pkg/__init__.py": "", "src/pkg/x/__init__.py": "", "tests/__init__.py": ""}
    )
    learned = learn(contents({"pkg/a.py": "a", "pkg/__init__.py": "", "pkg/x/__init__.py": ""}), tree)

    assert learned.of["pkg/__init__.py"] == "src/pkg/__init__.py"
    assert learned.of["pkg/x/__init__.py"] == "src/pkg/x/__init__.py"


def test_a_package_of_nothing_but_twins_is_told_by_what_most_agree_on() -> None:
    tree = contents({"src/pkg/__init__.py": "", "src/pkg/x/__init__.py": ""})
    learned = learn(contents({"pkg/__init__.py": "", "pkg/x/__init__.py": ""}), tree)

    assert learned.of == {"pkg/__init__.py": "src/pkg/__init__.py", "pkg/x/__init__.py": "src/pkg/x/__init__.py"}


def test_twins_that_no_rule_explains_have_no_origin() -> None:
    tree = contents({"src/pkg/a.py": "a", "one/data.txt": "same", "two/data.txt": "same"})
    learned = learn(contents({"pkg/a.py": "a", "pkg/data.bin": "same"}), tree)

    assert "pkg/data.bin" not in learned.of


def test_files_that_were_swapped_since_the_install_are_not_matched_by_their_bytes() -> None:
    tree = contents({"pkg/a.py": "b", "pkg/b.py": "a", "pkg/c.py": "c", "pkg/d.py": "d"})
    learned = learn(contents({"pkg/a.py": "a", "pkg/b.py": "b", "pkg/c.py": "c", "pkg/d.py": "d"}), tree)

    assert learned.of == {"pkg/c.py": "pkg/c.py", "pkg/d.py": "pkg/d.py"}
    assert learned.source("pkg/a.py", tree) == "pkg/a.py"


def test_same_names_swapped_between_directories_are_not_matched_either() -> None:
    tree = contents({"p/x/i.py": "2", "p/y/i.py": "1", "p/c.py": "c", "p/d.py": "d"})
    learned = learn(contents({"p/x/i.py": "1", "p/y/i.py": "2", "p/c.py": "c", "p/d.py": "d"}), tree)

    assert learned.of == {"p/c.py": "p/c.py", "p/d.py": "p/d.py"}


def test_a_renamed_file_has_an_origin_without_a_rule() -> None:
    tree = contents({"pkg/a.py": "a", "docs/guide.md": "guide"})
    learned = learn(contents({"pkg/a.py": "a", "pkg/help.txt": "guide"}), tree)

    assert learned.of["pkg/help.txt"] == "docs/guide.md"
    assert learned.rules == (Rule("", ""),)


def test_a_changed_file_is_found_by_the_rule() -> None:
    tree = contents({"src/pkg/a.py": "new", "src/pkg/b.py": "b"})
    learned = learn(contents({"pkg/a.py": "old", "pkg/b.py": "b"}), tree)

    assert learned.installed("src/pkg/a.py", {"pkg/a.py": None}) == ("pkg/a.py",)
    assert learned.source("pkg/a.py", tree) == "src/pkg/a.py"


def test_a_prefix_of_a_name_is_no_directory() -> None:
    assert Rule("src", "").forward("src2/a.py") is None


def test_two_source_directories_are_two_rules() -> None:
    tree = contents({"src/a/x.py": "1", "src/a/y.py": "2", "gen/b/x.py": "3", "gen/b/y.py": "4"})
    learned = learn(contents({"a/x.py": "1", "a/y.py": "2", "b/x.py": "3", "b/y.py": "4"}), tree)

    assert learned.of["b/x.py"] == "gen/b/x.py"
    assert learned.packages() == {"src/a", "gen/b"}


paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(paths, st.sampled_from("123"), max_size=8), st.sampled_from(["", "src", "lib/py"]))
def test_an_origin_always_has_the_bytes_of_what_it_made(tree: dict[str, str], top: str) -> None:
    placed = contents({f"{top}/{path}".lstrip("/"): text for path, text in tree.items()})
    installed = contents(tree)

    learned = learn(installed, placed)

    assert all(placed[source] == installed[path] for path, source in learned.of.items())
    assert all(
        rule.forward(rule.backward(path) or "") == path
        for rule in learned.rules
        for path in installed
        if rule.backward(path)
    )
