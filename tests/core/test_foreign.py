import pytest

from uvwatch.core.foreign import foreign, package_roots


@pytest.mark.parametrize(
    ("recorded", "roots"),
    [
        (("app/__init__.py", "app/static/a.css", "app-1.dist-info/RECORD"), ("app",)),
        (("space/one/__init__.py", "space/one/deep/b.py"), ("space/one",)),
        (("space/one/a.py", "space/two/a.py"), ("space/one", "space/two")),
        (("one.py", "__pycache__/one.cpython-312.pyc"), ()),
        (("../../../bin/app", "../../../share/x/y", "/absolute/x"), ()),
        (("app/__init__.py", "app.data/x"), ("app", "app.data")),
    ],
)
def test_a_package_begins_where_a_distribution_has_files_of_its_own(
    recorded: tuple[str, ...], roots: tuple[str, ...]
) -> None:
    assert package_roots(recorded) == roots


def test_what_no_record_names_is_foreign_but_for_what_is_nobodys() -> None:
    listed = ("app/b.py", "app/a.css", "app/c.py", "app/c.pyc", "app/.a.css.swp", "app/.DS_Store")

    assert foreign(listed, {"app/b.py"}) == ("app/a.css", "app/c.py")
