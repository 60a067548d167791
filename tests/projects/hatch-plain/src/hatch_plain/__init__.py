VALUE = "one"


def main() -> None:
    print(VALUE)
