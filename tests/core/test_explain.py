import pytest

from uvwatch.core.explain import ON_CHANGE, Role, role_of
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
    for path in ("pkg/a.py", "pkg/b.mo", "pkg/gen/x.css", "pkg/left_out.txt", "pyproject.toml")
}
WHEEL = {path: TREE[path] for path in ("pkg/a.py", "pkg/b.mo", "pkg/gen/x.css")}
LEARNED = Learned(tree=TREE, wheel=WHEEL, origins=learn(WHEEL, TREE))


@pytest.mark.parametrize(
    ("path", "git_ignored", "role", "rule", "installed"),
    [
        ("pkg/a.py", False, Role.SOURCE, "byte for byte", ("pkg/a.py",)),
        ("pkg/b.mo", True, Role.ARTIFACT, "git ignores it, and the last wheel carried it", ("pkg/b.mo",)),
        ("pkg/gen/x.css", True, Role.ARTIFACT, "tool.hatch.build.artifacts[0] = pkg/gen", ("pkg/gen/x.css",)),
        ("pyproject.toml", False, Role.BUILD_INPUT, "/pyproject.toml", ()),
        ("pkg/left_out.txt", False, Role.NOT_IN_THE_WHEEL, "left it out", ()),
        ("pkg/x.log", False, Role.IGNORED, "tool.uvwatch.ignore[0]", ()),
        ("node_modules/x.js", False, Role.IGNORED, "node_modules is a tool's own directory", ()),
        (".git/config", False, Role.IGNORED, "version control", ()),
        ("docs/build/x", True, Role.IGNORED, "git ignores it", ()),
    ],
)
def test_each_role_names_the_rule_that_decided(
    path: str, git_ignored: bool, role: Role, rule: str, installed: tuple[str, ...]
) -> None:
    found = role_of(path, rules=RULES, learned=LEARNED, build_inputs=("/pyproject.toml",), git_ignored=git_ignored)

    assert found[0] is role
    assert rule in found[1]
    assert found[2] == installed


def test_every_role_has_a_word_about_changes() -> None:
    assert set(ON_CHANGE) == set(Role)
