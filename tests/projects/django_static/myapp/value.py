"""The value that /value shows."""

VALUE = "one"
