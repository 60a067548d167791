"""What the developer of the demonstration does, one step after another, and what must come of it.

Knows the example's files and the answers of its server; knows nothing of honcho, of waiting or of printing.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from demo_stage import Server, Stage

Ask = Callable[[Server], str]
Act = Callable[[Stage], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a developer does.

    ``outcome`` is how uvwatch must end it (``updated``, ``unchanged``, ``failed``), ``answer`` what ``ask`` must get
    from the server, ``restarts`` how often the server must start again for it, ``equal`` whether the environment must
    equal the tree afterwards. ``before`` is what is done first, one after another: uvwatch must end each by an update,
    and then the very next answer of the server must be the one that stands beside it.
    """

    title: str
    act: Act
    outcome: str
    ask: Ask
    answer: str
    restarts: int = 0
    equal: bool = True
    before: tuple[tuple[Act, str], ...] = ()


def shown(server: Server) -> dict[str, Any]:
    """Return what the view shows; empty where nobody answers, or the answer was cut off as runserver started again."""
    status, body = server.get("/value")
    if status != HTTPStatus.OK:
        return {}
    try:
        return dict(json.loads(body))
    except json.JSONDecodeError:
        return {}


def value(server: Server) -> str:
    """Return the value that the server shows, and say so where it did not come from site-packages."""
    answer = shown(server)
    if not answer:
        return "no answer"
    return str(answer["value"]) if "site-packages" in answer["file"] else f"imported from {answer['file']}"


def process(server: Server) -> int:
    """Return the id of the process that answers, 0 where none does."""
    return int(shown(server).get("pid", 0))


def style(name: str) -> Ask:
    """Return a question for the colour in an installed stylesheet."""

    def ask(server: Server) -> str:
        status, body = server.get(f"/static-file?name={quote(name)}")
        if status != HTTPStatus.OK:
            return f"{name}: {status}"
        colours = [line.strip(" ;") for line in body.decode().splitlines() if line.strip().startswith("color:")]
        return f"{name}: {colours[0] if colours else 'no colour'}"

    return ask


def edit_value(stage: Stage, text: str) -> None:
    """Save ``myapp/value.py`` with another value."""
    (stage.package / "value.py").write_text(f'"""The value that /value shows."""\n\nVALUE = "{text}"\n')


def collect(stage: Stage, *options: str) -> None:
    """Run collectstatic in the tree."""
    stage.manage("collectstatic", "--noinput", *options)


def edit_stylesheet(stage: Stage) -> None:
    """Change a colour in the source and collect."""
    sheet = stage.package / "static" / "css" / "site.css"
    sheet.write_text(sheet.read_text().replace("color: black", "color: teal"))
    collect(stage)


def add_stylesheet(stage: Stage) -> None:
    """Write a new stylesheet and collect."""
    (stage.package / "static" / "css" / "extra.css").write_text("h1 {\n  color: navy;\n}\n")
    collect(stage)


def delete_stylesheet(stage: Stage) -> None:
    """Remove a stylesheet and what was collected of it; collectstatic alone never removes anything."""
    (stage.package / "static" / "css" / "extra.css").unlink()
    for collected in (stage.package / "staticfiles" / "css").glob("extra*.css"):
        collected.unlink()


def recolour(number: int) -> Act:
    """Return a bundler's work: it writes the collected file that the manifest names, with a colour of this number."""

    def act(stage: Stage) -> None:
        (sheet,) = (stage.package / "staticfiles" / "css").glob("print.*.css")
        sheet.write_text(f"h1 {{\n  color: #{number:06x};\n}}\n")

    return act


def recoloured(number: int) -> str:
    """Return what the server shows of that."""
    return f"css/print.css: color: #{number:06x}"


def break_build(stage: Stage) -> None:
    """Save a pyproject.toml with a syntax error, and an edit of the module beside it."""
    project = stage.project / "pyproject.toml"
    project.write_text(project.read_text().replace('name = "myapp"', 'name = "myapp'))
    edit_value(stage, "four")


def mend_build(stage: Stage) -> None:
    """Take the syntax error out again."""
    project = stage.project / "pyproject.toml"
    project.write_text(project.read_text().replace('name = "myapp\n', 'name = "myapp"\n'))


STEPS = (
    Step(
        title="collectstatic: hundreds of files appear",
        act=collect,
        outcome="updated",
        ask=style("css/site.css"),
        answer="css/site.css: color: black",
    ),
    Step(
        title="edit a stylesheet, collectstatic",
        act=edit_stylesheet,
        outcome="updated",
        ask=style("css/site.css"),
        answer="css/site.css: color: teal",
    ),
    Step(
        title="add a stylesheet, collectstatic",
        act=add_stylesheet,
        outcome="updated",
        ask=style("css/extra.css"),
        answer="css/extra.css: color: navy",
    ),
    Step(
        title="delete that stylesheet",
        act=delete_stylesheet,
        outcome="updated",
        ask=style("css/extra.css"),
        answer="css/extra.css: 404",
    ),
    Step(
        title="collectstatic --clear: all removed and written again, the manifest forgets the deleted one",
        act=lambda stage: collect(stage, "--clear"),
        outcome="updated",
        ask=style("css/site.css"),
        answer="css/site.css: color: teal",
    ),
    Step(
        title="collectstatic again, nothing changed",
        act=collect,
        outcome="unchanged",
        ask=style("css/site.css"),
        answer="css/site.css: color: teal",
    ),
    Step(
        title="twenty edits of a stylesheet, each asked for at once",
        before=tuple((recolour(number), recoloured(number)) for number in range(1, 20)),
        act=recolour(20),
        outcome="updated",
        ask=style("css/print.css"),
        answer=recoloured(20),
    ),
    Step(
        title="edit the module that the view shows",
        act=lambda stage: edit_value(stage, "three"),
        outcome="updated",
        ask=value,
        answer="three",
        restarts=1,
    ),
    Step(
        title="break pyproject.toml, and edit the module",
        act=break_build,
        outcome="failed",
        ask=value,
        answer="three",
        equal=False,
    ),
    Step(
        title="mend pyproject.toml",
        act=mend_build,
        outcome="updated",
        ask=value,
        answer="four",
        restarts=1,
    ),
)
