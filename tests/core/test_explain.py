import pytest

from uvwatch.core.explain import Known, Role, on_change, role_of, where
from uvwatch.core.model import Content
from uvwatch.core.origins import learn
from uvwatch.core.plan import Learned
from uvwatch.core.rules import Artifact, Rules

RULES = Rules(
    ignore=("*.log",),
    artifacts=(Artifact(pattern="pkg/gen", key="tool.hatch.build.artifacts[0]"),),
    packages=frozenset({"pkg"}),
)
TREE = {
    path: Content(path, executable=False)
    for path in ("pkg/a.py", "pkg/b.mo", "pkg/gen/x.css", "pkg/left_out.txt", "pyproject.toml", "LICENSE")
}
WHEEL = {path: TREE[path] for path in ("pkg/a.py", "pkg/b.mo", "pkg/gen/x.css")} | {
    "pkg-1.dist-info/licenses/LICENSE": TREE["LICENSE"]
}
LEARNED = Learned(tree=TREE, wheel=WHEEL, origins=learn(WHEEL, TREE))
COPY = Known(rules=RULES, learned=LEARNED, build_inputs=("/pyproject.toml", "/LICENSE"))
EDITABLE = Known(rules=RULES, learned=None, build_inputs=("/pyproject.toml",), editable=True)
GIT = "git ignores it (.gitignore: gen/)"


@pytest.mark.parametrize(
    ("path", "git_ignored", "role", "rule", "installed"),
    [
        ("pkg/a.py", "", Role.SOURCE, "byte for byte", ("pkg/a.py",)),
        ("pkg/b.mo", GIT, Role.ARTIFACT, f"{GIT}, and the last wheel carried it", ("pkg/b.mo",)),
        (
            "pkg/gen/x.css",
            GIT,
            Role.ARTIFACT,
            "pyproject.toml: tool.hatch.build.artifacts[0] = pkg/gen",
            ("pkg/gen/x.css",),
        ),
        ("pyproject.toml", "", Role.BUILD_INPUT, "/pyproject.toml", ()),
        ("LICENSE", "", Role.BUILD_INPUT, "/LICENSE", ("pkg-1.dist-info/licenses/LICENSE",)),
        ("pkg/left_out.txt", "", Role.NOT_IN_THE_WHEEL, "the build backend left it out", ()),
        ("pkg/left_out.txt", GIT, Role.NOT_IN_THE_WHEEL, f"{GIT}, and the build backend left it out", ()),
        ("pkg/x.log", "", Role.IGNORED, "tool.uvwatch.ignore[0]", ()),
        ("node_modules/x.js", "", Role.IGNORED, "node_modules is a tool's own directory", ()),
        (".git/config", "", Role.IGNORED, "version control", ()),
        ("docs/build/x", GIT, Role.IGNORED, GIT, ()),
    ],
)
def test_each_role_names_the_rule_that_decided(
    path: str, git_ignored: str, role: Role, rule: str, installed: tuple[str, ...]
) -> None:
    found = role_of(path, COPY, git_ignored=git_ignored)

    assert found[0] is role
    assert rule in found[1]
    assert found[2] == installed


def test_of_an_editable_install_the_tree_itself_is_read() -> None:
    role, rule, installed = role_of("pkg/a.py", EDITABLE, git_ignored="")

    assert (role, installed) == (Role.SOURCE, ())
    assert "editable" in rule
    assert on_change(role, "pkg/a.py", EDITABLE).startswith("nothing")
    assert on_change(Role.BUILD_INPUT, "pyproject.toml", EDITABLE).startswith("reinstall: ")


@pytest.mark.parametrize(
    ("path", "known", "does"),
    [
        ("pkg/a.py", COPY, "patch: "),
        ("pkg/a.py", Known(rules=RULES, learned=LEARNED, build_inputs=(), dynamic=True), "rebuild: "),
        ("pkg/a.py", Known(rules=RULES, learned=LEARNED, build_inputs=(), by_uv=True), "reinstall: "),
        ("pkg/gen/x.css", COPY, "patch: "),
        ("pyproject.toml", COPY, "rebuild: "),
        ("pkg/left_out.txt", COPY, "none: the backend is asked"),
        ("pkg/x.log", COPY, "nothing"),
    ],
)
def test_what_a_change_does_is_what_the_plan_would_do(path: str, known: Known, does: str) -> None:
    role, _rule, _places = role_of(path, known, git_ignored="")

    assert on_change(role, path, known).startswith(does)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("tool.hatch.build.artifacts[0]", "hatch.toml: build.artifacts[0]"),
        ("tool.hatch.metadata.hooks.custom.path", "pyproject.toml: tool.hatch.metadata.hooks.custom.path"),
        ("tool.uvwatch.artifacts[0]", "pyproject.toml: tool.uvwatch.artifacts[0]"),
    ],
)
def test_a_setting_is_named_with_the_file_that_it_stands_in(key: str, told: str) -> None:
    assert where(key, {"build"}) == told


@pytest.mark.parametrize("role", Role)
def test_every_role_has_a_word_about_changes(role: Role) -> None:
    assert on_change(role, "pkg/a.py", COPY)
