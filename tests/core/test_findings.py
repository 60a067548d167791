import pytest

from uvwatch.core.findings import Code, Inotify, build_leftovers, limits, shadowing
from uvwatch.core.model import WarningCode


@pytest.mark.parametrize(
    ("inotify", "needed", "sysctls"),
    [
        (Inotify(watches=1000, instances=128, watches_taken=100, instances_taken=5), 900, []),
        (Inotify(watches=1000, instances=128, watches_taken=101), 900, ["fs.inotify.max_user_watches=524288"]),
        (Inotify(watches=1000, instances=128, instances_taken=121), 9, ["fs.inotify.max_user_instances=1024"]),
        (Inotify(watches=300_000, instances=128), 400_000, ["fs.inotify.max_user_watches=800000"]),
        (Inotify(watches=None, instances=None), 10**9, []),
    ],
)
def test_what_is_needed_beside_what_is_taken_must_be_allowed(inotify: Inotify, needed: int, sysctls: list[str]) -> None:
    found = limits(inotify, needed)

    assert [each.code for each in found] == [Code.WATCH_LIMIT] * len(sysctls)
    assert all(sysctl in each.remedy for sysctl, each in zip(sysctls, found, strict=True))


@pytest.mark.parametrize(
    ("importable", "shadowed"),
    [
        ({"app", "tests"}, "app of app lies"),
        ({"one.py", "app"}, "app, one.py of app lie"),
        ({"src", "tests"}, None),
    ],
)
def test_a_package_beside_pyproject_shadows_its_copy(importable: set[str], shadowed: str | None) -> None:
    found = shadowing("app", "/p", ("app/a.py", "one.py", "app-1.dist-info/RECORD", "../../bin/tests"), importable)

    assert (found.message.split(" directly in /p: ")[0] if found else None) == shadowed


def test_only_what_the_tree_lacks_comes_back_from_build() -> None:
    tree = {"app/a.py", "src/other/b.py"}

    assert build_leftovers("app", ["app/a.py", "other/b.py"], tree) is None
    found = build_leftovers("app", ["app/a.py", "app/gone.py"], tree)
    assert found is not None
    assert "(app/gone.py)" in found.message


def test_what_a_warning_tells_too_has_its_code() -> None:
    shared = {code.value for code in Code} & {code.value for code in WarningCode}

    assert shared == {code.value for code in WarningCode} - {"editable-flip", "loop"}
