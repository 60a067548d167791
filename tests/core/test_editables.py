import pytest

from uvwatch.core.editables import Form, Mapped, form_of, mapped_by_hook, named_by


@pytest.mark.parametrize(
    ("pth", "form"),
    [
        (["/tree/src"], Form.PATH),
        (["# a comment", "", "/tree/src"], Form.PATH),
        (["import __editable___pkg_finder; __editable___pkg_finder.install()"], Form.HOOK),
        (["/tree/build/__editable__.pkg-1-py3-none-any"], Form.LINKS),
        (["/tree/build/__editable__.pkg-1-py3-none-any/"], Form.LINKS),
        ([], Form.PATH),
    ],
)
def test_the_form_is_told_by_what_the_pth_says(pth: list[str], form: Form) -> None:
    assert form_of(pth) is form


def test_a_hook_is_read_for_the_paths_that_it_holds() -> None:
    hook = "MAPPING: dict[str, str] = {'pkg': '/tree/src/pkg', 'far': '/treetop/far'}\nOTHER = ['/tree/src/one/a.py']\n"

    assert named_by(hook, "/tree") == {"src/pkg", "src/one/a.py"}
    assert named_by("def broken(:", "/tree") == frozenset()


FINDER = mapped_by_hook(["src/pkg"])
KNOWN_FILES = mapped_by_hook(["src/pkg/__init__.py", "src/pkg/a.py"])
STRICT = Mapped(form=Form.LINKS, files=frozenset({"src/pkg/__init__.py", "src/pkg/a.css"}))


@pytest.mark.parametrize(
    ("mapped", "path", "counts"),
    [
        pytest.param(FINDER, "src/pkg/new.py", False, id="live: below a package that the finder knows"),
        pytest.param(FINDER, "src/other/__init__.py", True, id="a new package beside it"),
        pytest.param(FINDER, "src/single.py", True, id="a new module beside it"),
        pytest.param(FINDER, "src/other/deep/mod.py", False, id="no module by itself"),
        pytest.param(FINDER, "tests/__init__.py", False, id="not beside it"),
        pytest.param(KNOWN_FILES, "src/pkg/new.py", True, id="a hook that knows files has to learn of another"),
        pytest.param(KNOWN_FILES, "src/pkg/sub/new.py", True, id="below the package"),
        pytest.param(KNOWN_FILES, "src/pkg/new.css", False, id="a hook finds modules alone"),
        pytest.param(STRICT, "src/pkg/new.css", True, id="links are made of any file"),
        pytest.param(STRICT, "src/other/__init__.py", True, id="a new package beside the linked one"),
        pytest.param(STRICT, "docs/index.rst", False, id="elsewhere"),
        pytest.param(Mapped(), "src/pkg/new.py", False, id="a path in a .pth is live"),
    ],
)
def test_what_comes_beside_what_is_known_counts(mapped: Mapped, path: str, counts: bool) -> None:
    assert mapped.counts(path) is counts
