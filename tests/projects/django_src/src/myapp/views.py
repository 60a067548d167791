"""Views that show which code and which static files are installed."""

import json
import os
from importlib import resources
from pathlib import PurePosixPath

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse

import myapp
from myapp.value import VALUE

PAGE = """<!doctype html>
<title>myapp</title>
<style>{style}</style>
<h1>{value}</h1>
<p>imported from <code>{file}</code></p>
"""


def read_static(name: str) -> bytes:
    """Read a collected file of the installed package: the hashed copy that the manifest names, else the plain one.

    Raises:
        Http404: the name leaves the directory, or there is no such file.
    """
    if not name or ".." in PurePosixPath(name).parts or name.startswith("/"):
        raise Http404(name)
    root = resources.files(myapp) / "staticfiles"
    manifest = root / "staticfiles.json"
    paths = json.loads(manifest.read_bytes())["paths"] if manifest.is_file() else {}
    for candidate in (paths.get(name, name), name):
        file = root / candidate
        if file.is_file():
            return file.read_bytes()
    raise Http404(name)


def index(request: HttpRequest) -> HttpResponse:
    """Show the value in the collected style, for a person with a browser."""
    try:
        style = read_static("css/site.css").decode()
    except Http404:
        style = ""
    return HttpResponse(PAGE.format(style=style, value=VALUE, file=myapp.__file__))


def value(request: HttpRequest) -> HttpResponse:
    """Show the value, the file that the package was imported from, and the process that answers."""
    return JsonResponse({"value": VALUE, "file": myapp.__file__, "pid": os.getpid()})


def static_file(request: HttpRequest) -> HttpResponse:
    """Show an installed static file: ``/static-file?name=css/site.css``."""
    return HttpResponse(read_static(request.GET.get("name", "")), content_type="text/plain; charset=utf-8")
