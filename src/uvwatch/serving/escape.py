r"""How any text becomes printable text on one line: bytes as ``\xNN``.

It knows which characters break a line, a terminal or an encoder. It must not know what the text says or where it goes.
"""

import re

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""C0, DEL and C1 controls, the two Unicode line breaks, and surrogates (undecodable bytes, see ``os.fsdecode``)."""

_SURROGATE_ESCAPE = range(0xDC80, 0xDD00)


def escaped(text: str) -> str:
    r"""Replace every control character and undecodable byte by its UTF-8 bytes as ``\xNN``.

    A newline becomes ``\x0a``, the byte 0xFF of a file name ``\xff``. A backslash stays as it is: this is for readers,
    not for parsers (``jsonlines`` is for those).
    """
    return CONTROL.sub(lambda found: hexadecimal(found[0]), text)


def hexadecimal(character: str) -> str:
    r"""Write one character as the bytes it stands for, each as ``\xNN``."""
    code = ord(character)
    if code in _SURROGATE_ESCAPE:
        return f"\\x{code - 0xDC00:02x}"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
