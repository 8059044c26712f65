"""pgcli, typed into through a pipe: backslash commands, an error; completion from what it reads of the catalog."""
import os
import subprocess
import sys
import tempfile
import threading
from importlib.metadata import version

import psycopg
from pgcli.completion_refresher import CompletionRefresher
from pgcli.pgexecute import PGExecute
from pgspecial.main import PGSpecial
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from trial import run, shows, url

with psycopg.connect(autocommit=True) as connection:
    connection.execute("CREATE SCHEMA lab; CREATE TABLE lab.samples (identifier int PRIMARY KEY, weight float8); CREATE TABLE lab.tubes (sample int REFERENCES lab.samples)")
    connection.execute("INSERT INTO lab.samples VALUES (1, 2.5)")

home = tempfile.mkdtemp()
environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "TERM": "dumb", "PAGER": "cat", "PROMPT_TOOLKIT_NO_CPR": "1"}


@shows("queries, errors and `\\d` commands")
def session():
    lines = [
        "select 6 * 7 as answer;", "select nothing;", r"\dt lab.*", r"\d lab.samples", r"\dn", r"\du", r"\l", r"\dv", r"\df lab.*",
        r"\di lab.*", r"\ds", r"\dx", r"\dT", r"\conninfo", r"\x", "table lab.samples;", r"\q",
    ]
    program = [sys.executable, "-P", "-m", "pgcli.main", "--warn=off", url()]
    done = subprocess.run(program, input="\n".join(lines) + "\n", capture_output=True, text=True, env=environment, timeout=100)
    said = done.stdout + done.stderr
    for wanted in ("42", 'column "nothing" does not exist', "samples", '"samples_pkey" PRIMARY KEY', "weight     | 2.5", "rolsuper", "You are connected"):
        assert wanted in said, (wanted, said)
    assert said.count("does not exist") == 1 and "not supported" not in said, said


@shows("completion")
def completion():
    done, found = threading.Event(), []
    executor = PGExecute(dsn=url())

    def refreshed(completer):
        found.append(completer)
        done.set()

    CompletionRefresher().refresh(executor, PGSpecial(), refreshed)
    assert done.wait(60)
    (completer,) = found

    def offers(text):
        return [c.text for c in completer.get_completions(Document(text, len(text)), CompleteEvent())]

    assert "samples" in offers("SELECT * FROM lab.sam"), offers("SELECT * FROM lab.sam")
    assert "identifier" in offers("SELECT * FROM lab.samples WHERE ide")
    joined = offers("SELECT * FROM lab.samples s JOIN lab.tubes t ON ")
    assert "t.sample = s.identifier" in joined, joined


run("pgcli", version("pgcli"))
