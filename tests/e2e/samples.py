"""One save of a sample project that goes to its real backend, and the comparison with what uv installs of the tree.

The save has a new file, a removed one and, where there is one that no metadata is read from, a build input. Each edit
by itself, edits of metadata and editable installs are ``scripts/torture backends``.

``hatch-hook``, ``setuptools-data``, ``flit-dynamic``, ``scikit-cmake`` and ``uv-data`` have tests of their own in
test_backends.py, test_leftover_build.py and test_hooked.py. ``maturin-bin`` needs cargo, which may be absent from a
machine that has all that the tests need: the torture builds it, or prints that there is no cargo.
"""

import json
import shutil

from scripts.torture_projects import SAMPLES, Sample, apply
from tests.e2e.conftest import Project
from tests.e2e.test_layouts import require_equal

_ELSEWHERE = ("hatch-hook", "setuptools-data", "flit-dynamic", "scikit-cmake", "uv-data", "maturin-bin")
_OF_METADATA = ("LICENSE", "README.md", "pyproject.toml")
_BY_GIT = ("hatch-version", "setuptools-git")
"""A tree that differs from its commit has another version, so uv has to reinstall."""

PLAIN = [each for each in SAMPLES if each.name not in _ELSEWHERE and not each.needs]
COMPILED = [each for each in SAMPLES if each.name not in _ELSEWHERE and each.needs]


def require_followed(project: Project, sample: Sample) -> None:
    """Save under the eyes of a daemon that knows the copy, and hold what it installs against uv's own."""
    with project.watch("--json") as daemon:
        steps = dict(sample.steps)
        inputs = [each for each in sample.inputs[:1] if each.path not in _OF_METADATA]
        for edit in (*steps["added"], *steps["removed"], *inputs):
            apply(edit, project.root)
        done = project.uvwatch("sync")
        assert done.returncode == 0, done.stderr
        cycles = [json.loads(line) for line in daemon.stop() if '"cycle.finished"' in line]

    actions = {each["action"] for cycle in cycles for each in cycle["distributions"]}
    assert ("reinstall" if sample.name in _BY_GIT else "rebuild") in actions
    # setuptools would bring the removed file back from what it left in the tree (pypa/setuptools#1871).
    for left in (project.root / "build", *project.root.rglob("*.egg-info")):
        shutil.rmtree(left, ignore_errors=True)
    require_equal(project, (sample.name.replace("-", "_"),))
