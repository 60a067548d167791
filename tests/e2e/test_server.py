"""A web server beside ``uvwatch watch``: it runs the installed copy, and shows what was saved once that is updated."""

import http.client
import json
import re
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Daemon, Project

STARTED = r"Starting development server at http://127\.0\.0\.1:(\d+)/"


def port(server: Daemon) -> int:
    """The port of the server that Django's reloader has just started."""
    found = re.match(STARTED, server.out.until(STARTED)[-1])
    assert found
    return int(found[1])


def value(port: int) -> dict[str, Any]:
    """What the server answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/value")
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer


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
