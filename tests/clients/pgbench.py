"""pgbench: its own tables and loads, in the simple, extended and prepared protocols."""
import re
import subprocess

from trial import run, shows


def pgbench(*arguments):
    done = subprocess.run(["pgbench", *arguments], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "aborted" not in done.stdout + done.stderr, done.stderr
    return done.stdout


@shows("`-i` with foreign keys")
def initialize():
    pgbench("-i", "-q", "--foreign-keys")


@shows("`-i` again, server-side data")
def again():
    pgbench("-i", "-q", "-I", "dtGvp")


@shows("`-S` in the simple, extended and prepared protocols, several clients")
def selects():
    for protocol in ("simple", "extended", "prepared"):
        said = pgbench("-S", "-n", "-c", "4", "-j", "2", "-t", "50", "-M", protocol)
        assert re.search(r"number of transactions actually processed: 200/200", said), said


@shows("TPC-B-like transactions")
def tpcb():
    said = pgbench("-n", "-c", "1", "-t", "20", "-M", "prepared")
    assert "20/20" in said and "failed transactions: 0 " in said, said
    said = pgbench("-n", "-c", "2", "-t", "10", "--max-tries", "200", "-b", "simple-update")
    assert "20/20" in said and "failed transactions: 0 " in said, said


run("pgbench", subprocess.run(["pgbench", "--version"], capture_output=True, text=True).stdout.split()[2])
