"""What every client's script stands on: checks with names, and the line they earn in README's client matrix.

A script declares its checks with `@shows("what")` and ends with `run(client, version)`. The checks run in order; if all
pass, the last line printed is the client's row, which the test run compares with README.md.
"""
import os
from urllib.parse import quote

HOST, PORT = os.environ["PGHOST"], int(os.environ["PGPORT"])
USER, PASSWORD, DATABASE = (os.environ[name] for name in ("PGUSER", "PGPASSWORD", "PGDATABASE"))


def url(scheme="postgresql", database=DATABASE):
    """The server as a URL."""
    return f"{scheme}://{quote(USER)}:{quote(PASSWORD)}@{HOST}:{PORT}/{database}"


_checks = []


def shows(what):
    """Declares a check, and what it shows when it passes."""

    def declare(function):
        _checks.append((what, function))
        return function

    return declare


def run(client, version):
    """Runs the checks in the order of their declaration; prints the row of the matrix."""
    for what, function in _checks:
        print(f"{client}: {what}", flush=True)
        function()
    print(f"| {client} | {version} | {', '.join(what for what, _ in _checks)} |")


def fails(state, function, *arguments):
    """The error that `function` must fail with; its SQLSTATE wherever the driver keeps it."""
    try:
        function(*arguments)
    except Exception as error:
        found = sqlstate(error)
        assert found == state, f"{found} instead of {state}: {error!r}"
        return error
    raise AssertionError(f"no error, {state} expected")


def sqlstate(error):
    """The SQLSTATE of a driver's error."""
    while error is not None:
        for name in ("sqlstate", "pgcode"):
            if isinstance(getattr(error, name, None), str):
                return getattr(error, name)
        if error.args and isinstance(error.args[0], dict):
            return error.args[0].get("C")
        error = getattr(error, "orig", None) or error.__cause__
    return None
