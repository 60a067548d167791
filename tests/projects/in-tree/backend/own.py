"""Adds a file of its own making to the wheel that flit builds."""

import base64
import hashlib
import zipfile
from pathlib import Path

from flit_core import buildapi
from flit_core.buildapi import build_editable, build_sdist  # noqa: F401

MADE = b"MADE = 'one'\n"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = buildapi.build_wheel(wheel_directory, config_settings, metadata_directory)
    path = Path(wheel_directory, name)
    with zipfile.ZipFile(path) as archive:
        held = {each: archive.read(each) for each in archive.namelist()}
    record = next(each for each in held if each.endswith("/RECORD"))
    digest = base64.urlsafe_b64encode(hashlib.sha256(MADE).digest()).rstrip(b"=").decode()
    held[record] += f"in_tree/made.py,sha256={digest},{len(MADE)}\n".encode()
    held["in_tree/made.py"] = MADE
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in held.items():
            archive.writestr(each, content)
    return name
