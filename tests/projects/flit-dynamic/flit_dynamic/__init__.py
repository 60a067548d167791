"""first"""

__version__ = "1.0"
VALUE = "one"
