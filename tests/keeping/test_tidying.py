from uvwatch.core.model import WarningCode
from uvwatch.keeping.tidying import leftover_warning


def test_what_would_have_come_back_in_the_wheel_is_named() -> None:
    warning = leftover_warning("app", ["app/a.py", "app/gone.py"], {"app/a.py"})

    assert warning is not None
    assert (warning.code, warning.distribution) == (WarningCode.LEFTOVER_BUILD, "app")
    assert "(app/gone.py)" in warning.message


def test_copies_of_what_is_still_in_the_wheel_are_not_worth_a_word() -> None:
    assert leftover_warning("app", ["app/a.py"], {"app/a.py", "app/b.py"}) is None
