"""A web server beside ``uvwatch watch``: it runs the installed copy, and shows what was saved once that is updated."""

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Daemon, Project
from tests.e2e.lines import PATIENCE, Lines

STARTED = r"Starting development server at http://127\.0\.0\.1:(\d+)/"


def port(server: Daemon) -> int:
    """The port of the server that Django's reloader has just started."""
    found = re.match(STARTED, server.out.until(STARTED)[-1])
    assert found
    return int(found[1])


def got(port: int, path: str) -> bytes:
    """What the server answers; each answer must be a success."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    assert response.status == HTTPStatus.OK, body.decode()
    return body


def value(port: int) -> dict[str, Any]:
    """The value that the server shows, the file that it imported, and its process."""
    answer: dict[str, Any] = json.loads(got(port, "/value"))
    return answer


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port that nobody else is given; a server that listens there may come and go."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def value_once_it_is(port: int, wanted: str, log: Lines) -> dict[str, Any]:
    """Ask all the time until the server shows a value; it may be away for a while, but must not answer an error."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            answer = value(port)
        except (ConnectionError, http.client.HTTPException, json.JSONDecodeError):
            answer = {}  # it starts again, or did so in the middle of its answer
        if answer.get("value") == wanted:
            return answer
        while log.come(0.02) and log.next() is not None:
            pass
    raise AssertionError("\n".join([f"the server does not show {wanted!r}; it said:", *log.seen]))


def test_a_server_shows_what_was_saved_and_without_uvwatch_the_old_value(django: Project) -> None:
    django.uv("sync", "--no-dev", "--no-editable")
    away = django.at(Path(django.env["HOME"])).having(DJANGO_SETTINGS_MODULE="myapp.settings", PYTHONUNBUFFERED="1")
    assert not away.root.is_relative_to(django.root)
    with away.start(django.prefix / "bin" / "python", "-m", "django", "runserver", "127.0.0.1:0") as server:
        first = port(server)
        assert value(first)["value"] == "one"
        django.edit("myapp/value.py", "one", "two")
        django.uv("sync", "--no-dev", "--no-editable")
        control = value(first)
        assert (control["value"], control["file"]) == ("one", str(django.site / "myapp" / "__init__.py"))

        with django.watch() as daemon:
            answer = value(port(server))
            assert (answer["value"], answer["file"]) == ("two", control["file"])
            django.edit("myapp/value.py", "two", "three")
            assert daemon.cycle()[-1].endswith(": 1 changed)")
            answer = value(port(server))
            assert (answer["value"], answer["file"]) == ("three", control["file"])


def test_twenty_edits_of_a_stylesheet_restart_no_server_and_each_of_a_module_restarts_it_once(django: Project) -> None:
    def style(number: int) -> str:
        return f"h1 {{ color: #{number:06x} }}\n"

    sheet = "myapp/staticfiles/css/print.css"
    django.write({sheet: style(0)})
    django.uv("sync", "--no-dev", "--no-editable")
    away = django.at(Path(django.env["HOME"])).having(DJANGO_SETTINGS_MODULE="myapp.settings", PYTHONUNBUFFERED="1")
    runserver = (django.prefix / "bin" / "python", "-m", "django", "runserver")
    with reserved_port() as port, django.watch() as daemon, away.start(*runserver, f"127.0.0.1:{port}") as server:
        server.out.until(STARTED)
        before = value(port)
        assert before["file"] == str(django.site / "myapp" / "__init__.py")
        for number in range(20):
            assert got(port, "/static-file?name=css/print.css").decode() == style(number)
            django.write({sheet: style(number + 1)})
            assert daemon.cycle()[-1].endswith("(patch: 1 changed)")
        assert got(port, "/static-file?name=css/print.css").decode() == style(20)
        assert value(port)["pid"] == before["pid"]

        # The second edit is a fence as well: a restart that the stylesheets or the first one had still to come shows.
        pids = [before["pid"]]
        for old, new in (("one", "two"), ("two", "three")):
            django.edit("myapp/value.py", old, new)
            assert daemon.cycle()[-1].endswith(": 1 changed)")
            pids.append(value_once_it_is(port, new, server.err)["pid"])
        assert len(set(pids)) == 3
    reloads = [line for line in server.err.seen if line.endswith(" changed, reloading.")]
    assert reloads == [f"{django.site / 'myapp' / 'value.py'} changed, reloading."] * 2
    assert {found[1] for line in server.err.seen if (found := re.search(r'" (\d{3}) \d+$', line))} == {"200"}
