from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core.building import (
    BuildSystem,
    build_system,
    by_name,
    by_setuptools,
    environment_key,
    index_settings,
    is_older,
    needs_other,
    needs_uv,
)

HATCHLING = {"build-system": {"requires": ["hatchling>=1.27"], "build-backend": "hatchling.build"}}
PROJECT = {**HATCHLING, "project": {"name": "My.App"}}


def reason(
    pyproject: Mapping[str, Any] = PROJECT,
    *,
    settings: Mapping[str, Any] | None = None,
    user: Mapping[str, Any] | None = None,
    uv_toml: str | None = None,
    environ: Mapping[str, str] | None = None,
    python_version: str = "3.11.7",
    forks: bool = True,
) -> str | None:
    return needs_uv(
        pyproject,
        settings=[settings or {}],
        user_settings=[user or {}],
        uv_toml=uv_toml,
        environ=environ or {},
        python_version=python_version,
        forks=forks,
    )


@pytest.mark.parametrize(
    ("pyproject", "expected"),
    [
        pytest.param(
            {}, (("setuptools >= 40.8.0",), "setuptools.build_meta:__legacy__", ()), id="no table at all (PEP 517)"
        ),
        pytest.param(
            {"build-system": {"requires": ["setuptools"]}},
            (("setuptools",), "setuptools.build_meta:__legacy__", ()),
            id="no backend",
        ),
        pytest.param(HATCHLING, (("hatchling>=1.27",), "hatchling.build", ()), id="as usual"),
        pytest.param(
            {"build-system": {"requires": [], "build-backend": "b:o", "backend-path": ["."]}},
            ((), "b:o", (".",)),
            id="in the tree",
        ),
    ],
)
def test_the_build_system_is_as_the_peps_say(
    pyproject: dict[str, Any], expected: tuple[tuple[str, ...], str, tuple[str, ...]]
) -> None:
    requires, backend, path = expected
    assert build_system(pyproject) == BuildSystem(requires=requires, backend=backend, backend_path=path)


@pytest.mark.parametrize(
    "declared",
    [
        "hatchling",
        {},
        {"requires": "x"},
        {"requires": [1]},
        {"requires": [], "build-backend": 1},
        {"requires": [], "backend-path": "."},
    ],
)
def test_a_build_system_that_is_not_valid_is_left_to_uv_to_complain_about(declared: object) -> None:
    assert build_system({"build-system": declared}) is None
    assert reason({"build-system": declared}) == "[build-system] is not valid"


def test_a_plain_project_needs_no_uv() -> None:
    assert reason() is None
    assert reason({}) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"package": True, "managed": True, "workspace": {"members": ["x"]}, "cache-keys": [{"file": "x"}]},
        {"constraint-dependencies": ["hatchling<1"], "override-dependencies": ["hatchling<1"], "resolution": "lowest"},
        {"pip": {"index-url": "https://example.org"}, "reinstall-package": ["x"], "link-mode": "copy"},
        {"sources": {"other": {"path": "../other"}}},
        {"extra-build-dependencies": {"other": ["x"]}, "no-build-isolation-package": ["other"]},
        {"extra-build-dependencies": {}, "config-settings": {}, "no-build-isolation": False},
    ],
)
def test_settings_that_change_no_build_of_this_one_need_no_uv(settings: dict[str, Any]) -> None:
    assert reason(settings=settings) is None


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"config-settings": {"a": "b"}}, "tool.uv.config-settings is set"),
        ({"config-settings-package": {"my-app": {"a": "b"}}}, "tool.uv.config-settings-package names my-app"),
        ({"extra-build-dependencies": {"my_app": ["x"]}}, "tool.uv.extra-build-dependencies names my_app"),
        ({"extra-build-variables": {"hatchling": {"A": "1"}}}, "tool.uv.extra-build-variables names hatchling"),
        ({"no-build-isolation": True}, "tool.uv.no-build-isolation is set"),
        ({"no-build-isolation-package": ["My.App"]}, "tool.uv.no-build-isolation-package names My.App"),
        ({"build-constraint-dependencies": ["hatchling<1"]}, "tool.uv.build-constraint-dependencies is set"),
        ({"sources": {"Hatchling": {"path": "../h"}}}, "tool.uv.sources names Hatchling"),
        ({"index": [{"url": "https://example.org"}]}, "tool.uv.index is set"),
        ({"index-url": "https://example.org"}, "tool.uv.index-url is set"),
        ({"exclude-newer": "2024-01-01"}, "tool.uv.exclude-newer is set"),
        ({"of-a-later-uv": 1}, "tool.uv.of-a-later-uv is set"),
    ],
)
def test_settings_that_can_change_the_build_leave_it_to_uv(settings: dict[str, Any], expected: str) -> None:
    assert reason(settings=settings) == expected


@pytest.mark.parametrize("requirement", ["hatchling @ https://example.org/h.whl", "./backend", "h @ file:///x", "=="])
def test_build_requirements_by_path_or_url_are_uvs(requirement: str) -> None:
    expected = f"build requirement {requirement!r} names a path or a URL"
    assert reason({"build-system": {"requires": ["setuptools", requirement]}}) == expected
    assert not by_name(["setuptools", requirement])


def test_a_requirement_with_extras_markers_and_versions_is_by_name() -> None:
    assert by_name(["setuptools[x]>=61,<90; python_version >= '3.8'", "wheel"])


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"index-url": "https://example.org", "offline": True, "link-mode": "copy"}, None),
        ({"index": [{"url": "https://example.org"}]}, None),
        ({"exclude-newer": "2024-01-01"}, "uv.toml sets exclude-newer"),
        ({"config-settings": {"a": "b"}}, "uv.toml sets config-settings"),
    ],
)
def test_the_users_own_uv_toml_counts_where_uv_pip_would_not_do_as_uv_build(
    user: dict[str, Any], expected: str | None
) -> None:
    assert reason(user=user) == expected


def test_a_uv_toml_of_the_project_is_uvs() -> None:
    assert reason(uv_toml="/p/uv.toml") == "/p/uv.toml has settings of uv"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"UV_BUILD_CONSTRAINT": "c.txt"}, "UV_BUILD_CONSTRAINT is set"),
        ({"UV_NO_BUILD_ISOLATION": "1"}, "UV_NO_BUILD_ISOLATION is set"),
        ({"UV_EXCLUDE_NEWER": "2024-01-01"}, "UV_EXCLUDE_NEWER is set"),
        ({"UV_NO_CACHE": "true"}, "UV_NO_CACHE is set"),
        ({"UV_NO_CACHE": "0", "UV_NO_BUILD": "False", "UV_REQUIRE_HASHES": ""}, None),
        ({"UV_CONSTRAINT": "c.txt", "UV_INDEX_URL": "https://example.org", "UV_OFFLINE": "1"}, None),
    ],
)
def test_environment_variables_count_as_settings_do(environ: dict[str, str], expected: str | None) -> None:
    assert reason(environ=environ) == expected


@pytest.mark.parametrize(
    ("python_version", "expected"),
    [("3.8.0", None), ("3.10.1", None), ("3.7.17", "Python 3.7.17 is older than 3.8"), ("3.13", None)],
)
def test_an_old_interpreter_is_uvs(python_version: str, expected: str | None) -> None:
    assert reason(python_version=python_version) == expected


def test_without_fork_uv_builds() -> None:
    assert reason(forks=False) == "there is no fork here"


@pytest.mark.parametrize(
    ("pyproject", "expected"),
    [
        ({}, True),
        ({"build-system": {"requires": ["Setuptools[core] >= 61"]}}, True),
        ({"build-system": {"requires": ["setuptools-scm", "hatchling"]}}, False),
        ({"build-system": {"requires": "setuptools"}}, False),
    ],
)
def test_setuptools_builds_what_requires_it_or_says_nothing(pyproject: dict[str, Any], expected: bool) -> None:
    assert by_setuptools(build_system(pyproject)) is expected


def test_what_a_hook_asks_for_beyond_requires_is_needed_once() -> None:
    system = BuildSystem(requires=("setuptools",), backend="b")
    assert needs_other(system, ["wheel", "setuptools", "cython", "wheel"]) == ("wheel", "cython")


def key(
    requires: list[str],
    python: str = "/p",
    version: str = "3.11.7",
    settings: Mapping[str, str] | None = None,
    files: tuple[bytes, ...] = (),
) -> str:
    return environment_key(requires, python=python, python_version=version, settings=settings or {}, files=files)


@given(st.lists(st.text(), min_size=1), st.randoms(use_true_random=False))
def test_a_key_does_not_depend_on_the_order_of_requirements(requires: list[str], random: Any) -> None:
    shuffled = [*requires, *requires]
    random.shuffle(shuffled)
    assert key(shuffled) == key(requires)
    assert len(key(requires)) == 32


def test_a_key_changes_with_all_that_decides_what_is_in_an_environment() -> None:
    others = [
        key(["a", "b"]),
        key(["ab"]),
        key(["a"], python="/q"),
        key(["a"], version="3.11.8"),
        key(["a"], settings={"UV_INDEX_URL": "x"}),
        key(["a"], files=(b"x",)),
        key(["a"]),
    ]
    assert len(set(others)) == len(others)


def test_index_settings_are_the_variables_that_say_where_packages_are() -> None:
    environ = {
        "UV_INDEX_CORP_PASSWORD": "p",
        "UV_INDEX": "i",
        "UV_DEFAULT_INDEX": "d",
        "UV_CACHE_DIR": "c",
        "HOME": "/h",
        "UV_FIND_LINKS": "f",
    }
    assert set(index_settings(environ)) == {"UV_INDEX_CORP_PASSWORD", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_FIND_LINKS"}


@pytest.mark.parametrize(
    ("built", "installed", "expected"),
    [
        ("hatchling 1.9.0", "hatchling 1.27.0", True),
        ("hatchling 1.27.0", "hatchling 1.27.0", False),
        ("hatchling 1.27.0", "hatchling 1.9.0", False),
        ("setuptools (80.9.0)", "setuptools (80.10.1)", True),
        ("uv 0.13.6", "uv 0.13.9", False),
        ("hatchling", "hatchling 1.27.0", False),
        ("house of-today", "house of-tomorrow", False),
    ],
)
def test_a_backend_is_older_by_the_release_that_it_signs_with(built: str, installed: str, *, expected: bool) -> None:
    texts = (f"Wheel-Version: 1.0\r\nGenerator: {each}\r\nTag: py3-none-any\r\n" for each in (built, installed))
    assert is_older(*texts) is expected
    assert not is_older("", f"Generator: {installed}\n")
