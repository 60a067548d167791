import pytest

from uvwatch.serving.color import Tone, painted, wanted


@pytest.mark.parametrize(
    ("choice", "tty", "env", "expected"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {}, False),
    ],
)
def test_the_option_decides_and_auto_asks_terminal_and_environment(
    choice: str, *, tty: bool, env: dict[str, str], expected: bool
) -> None:
    assert wanted(choice, tty=tty, env=env) is expected


def test_a_tone_goes_around_the_text_and_ends_with_it() -> None:
    assert painted("text", Tone.RED) == "\x1b[31mtext\x1b[0m"


@pytest.mark.parametrize(("text", "tone"), [("", Tone.RED), ("text", Tone.PLAIN)])
def test_nothing_to_paint_stays_as_it_is(text: str, tone: Tone) -> None:
    assert painted(text, tone) == text
