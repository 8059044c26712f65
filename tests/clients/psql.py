"""psql: what a person types, with the backslash commands that lean on the server, line by line as it would print."""
import os
import re
import subprocess
import tempfile
from pathlib import Path

from trial import run, shows

folder = Path(tempfile.mkdtemp())


def psql(text, *arguments, code=0):
    """What psql prints for `text` on its standard input, errors among the rest."""
    done = subprocess.run(
        ["psql", "-X", "-q", "-A", "-t", *arguments], input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        cwd=folder, env={**os.environ, "PAGER": ""}, timeout=100,
    )
    assert done.returncode == code, (done.returncode, done.stdout)
    return done.stdout


def lines(text):
    """Lines without the blanks that fill columns."""
    return [line.rstrip() for line in text.strip().splitlines()]


def prints(text, wanted, *arguments, code=0):
    got = psql(text, *arguments, code=code)
    assert lines(got) == lines(wanted), f"for\n{text}\npsql printed\n{got}instead of\n{wanted}"


@shows("`\\copy` in and out")
def copy():
    (folder / "in.csv").write_text('k,s\n1,"a,b"\n2,\n')
    prints(
        """CREATE TABLE copied (k int, s text);
\\copy copied from 'in.csv' with (format csv, header)
\\copy copied from stdin
3\tthree
\\.
\\copy (select * from copied order by k desc) to stdout csv
\\copy copied to 'out.txt'
COPY copied TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *);
\\copy copied from 'missing.csv'
\\copy copied from stdin csv
x,y
\\.
""",
        """3,three
2,
1,"a,b"
k,s
"1","a,b"
"2",
"3","three"
missing.csv: No such file or directory
ERROR:  invalid input syntax for type integer: "x"
CONTEXT:  COPY copied, line 1, column k: "x\"""",
    )
    assert (folder / "out.txt").read_text() == "1\ta,b\n2\t\\N\n3\tthree\n"


@shows("`\\gset`, `\\gdesc`, `\\gexec`, `\\g`, `\\gx`, `\\errverbose`")
def variables():
    got = psql(
        """SELECT 6 * 7 AS answer, 'it''s' AS word \\gset got_
\\echo :got_answer :'got_word' :"got_word"
SELECT :got_answer + 1, :'got_word';
SELECT 1::int2 AS a, 'x'::varchar(5) AS b, now() AS c, 1.5::numeric(4,1), ARRAY[1] AS e \\gdesc
SELECT format('SELECT %s AS n', i) FROM generate_series(1, 2) AS g(i) \\gexec
SELECT 'to a file' \\g out.txt
SELECT 1 AS a, 2 AS b \\gx
\\echo :ROW_COUNT :SQLSTATE :ERROR
SELECT 1/0;
\\echo :SQLSTATE :LAST_ERROR_MESSAGE
\\errverbose
"""
    )
    wanted = """42 'it''s' "it's"
43|it's
a|smallint
b|character varying(5)
c|timestamp with time zone
numeric|numeric(4,1)
e|integer[]
1
2
a|1
b|2
1 00000 false
ERROR:  division by zero
22012 division by zero
ERROR:  22012: division by zero
"""
    assert got.startswith(wanted), got
    assert (folder / "out.txt").read_text() == "to a file\n"


@shows("`\\if`, `\\crosstabview`, `\\watch`, `\\set`, `\\timing`")
def control():
    prints(
        """SELECT count(*) > 0 AS there FROM pg_class \\gset
\\if :there
  \\echo there
\\else
  SELECT broken;
\\endif
\\pset format aligned
\\pset tuples_only off
SELECT v, h, c FROM (VALUES ('a', 'x', 1), ('a', 'y', 2), ('b', 'x', 3)) AS t(v, h, c) ORDER BY 1, 2 \\crosstabview
""",
        """there
 v | x | y
---+---+---
 a | 1 | 2
 b | 3 |
(2 rows)
""",
    )
    # It repeats until an error: the third division is by zero.
    got = psql("CREATE SEQUENCE beats;\nSELECT 1 / (3 - nextval('beats')) AS b \\watch 0.1\n")
    assert [line for line in got.splitlines() if re.fullmatch(r"[01]", line)] == ["0", "1"] and "division by zero" in got, got
    assert re.fullmatch(r"1\nTime: [\d.]+ ms\n", psql("\\timing on\nSELECT 1;\n"))


@shows("ON_ERROR_ROLLBACK, ON_ERROR_STOP, AUTOCOMMIT off, --single-transaction")
def transactions():
    prints(
        """\\set ON_ERROR_ROLLBACK on
BEGIN;
CREATE TABLE kept (a int);
INSERT INTO kept VALUES (1);
INSERT INTO kept VALUES (1/0);
INSERT INTO kept VALUES (2);
COMMIT;
SELECT sum(a) FROM kept;
\\set ON_ERROR_ROLLBACK off
\\set AUTOCOMMIT off
INSERT INTO kept VALUES (10);
ROLLBACK;
INSERT INTO kept VALUES (20);
COMMIT;
SELECT sum(a) FROM kept;
SELECT 1/0;
SELECT 1;
""",
        """ERROR:  division by zero
3
23
ERROR:  division by zero
ERROR:  current transaction is aborted, commands ignored until end of transaction block
""",
    )
    psql("SELECT 1/0;\nDROP TABLE kept;\n", "-v", "ON_ERROR_STOP=1", code=3)
    psql("INSERT INTO kept VALUES (5); SELECT 1/0;\n", "-1", "-v", "ON_ERROR_STOP=1", code=3)
    prints("", "23", "-c", "SELECT sum(a) FROM kept")
    prints("", "1\n2", "-c", "SELECT 1; SELECT 2")


@shows("every `\\d` command, `\\l`, `\\sf`, `\\sv`, `\\dconfig`, `\\encoding`")
def describe():
    psql(
        """CREATE TABLE person (id serial PRIMARY KEY, name varchar(20) NOT NULL DEFAULT 'x' UNIQUE, height numeric(5,2), CHECK (id > 0));
COMMENT ON TABLE person IS 'people'; COMMENT ON COLUMN person.name IS 'as called';
CREATE TABLE letter (person int REFERENCES person ON DELETE CASCADE, n int GENERATED ALWAYS AS IDENTITY);
CREATE VIEW tall AS SELECT name FROM person WHERE height > 2;
"""
    )
    prints(
        "\\d person\n\\d letter\n\\d tall\n",
        """Table "public.person"
Column|Type|Collation|Nullable|Default
id|integer||not null|nextval('person_id_seq'::regclass)
name|character varying(20)||not null|'x'::character varying
height|numeric(5,2)|||
Indexes:
    "person_pkey" PRIMARY KEY, btree (id)
    "person_name_key" UNIQUE CONSTRAINT, btree (name)
Check constraints:
    "person_id_check" CHECK (id > 0)
Referenced by:
    TABLE "letter" CONSTRAINT "letter_person_fkey" FOREIGN KEY (person) REFERENCES person(id) ON DELETE CASCADE
Table "public.letter"
Column|Type|Collation|Nullable|Default
person|integer|||
n|integer||not null|generated always as identity
Foreign-key constraints:
    "letter_person_fkey" FOREIGN KEY (person) REFERENCES person(id) ON DELETE CASCADE
View "public.tall"
Column|Type|Collation|Nullable|Default
name|character varying(20)|||""",
        "-P",
        "tuples_only=off",
    )
    names = [
        "d", "d+", "da", "dA", "dAc", "dAf", "dAo", "dAp", "db", "dc", "dconfig", "dC", "dd", "dD", "ddp", "dE", "des", "det", "deu", "dew", "df",
        "dF", "dFd", "dFp", "dFt", "dg", "di", "dl", "dL", "dm", "dn", "do", "dO", "dp", "dP", "drds", "dRp", "dRs", "ds", "dt", "dT", "du", "dv",
        "dx", "dX", "dy", "l", "z",
    ]
    text = "".join(f"\\echo {name}\n\\{name}\n\\{name}+\n" for name in names if name not in ("d+",)).replace("\\dl+\n", "").replace("\\z+\n", "").replace("\\drds+\n", "")
    got = psql(text + "\\d+ person\n\\d+ tall\n\\sv tall\n\\encoding\n\\conninfo\n\\dt *.person\n\\d person_pkey\n\\d person_id_seq\n")
    for bad in ("ERROR", "invalid command", "LINE 1"):
        assert bad not in got, got[max(0, got.index(bad) - 300) : got.index(bad) + 600]
    assert "public|person|table|" in got and "UTF8" in got and "CREATE OR REPLACE VIEW public.tall AS" in got


@shows("FETCH_COUNT, `\\copy` to a program")
def fetched():
    got = psql("\\set FETCH_COUNT 100\nSELECT i FROM generate_series(1, 1000) AS g(i);\n")
    assert got.split() == [str(n) for n in range(1, 1001)]
    prints("\\copy (select 1) to program 'cat > piped'\n\\! cat piped\n", "1")


@shows("large objects: `\\lo_import`, `\\lo_list`, `\\lo_export`, `\\lo_unlink`")
def large_objects():
    with open(os.path.join(folder, "original"), "wb") as original:
        original.write(bytes(range(256)) * 100)
    got = psql("\\lo_import original 'a picture'\n\\echo :LASTOID\nSELECT length(lo_get(:LASTOID));\n"
               "\\lo_list\n\\dl+\n\\lo_export :LASTOID exported\n\\lo_unlink :LASTOID\n\\lo_list\n")
    oid = got.split("\n")[0]
    owner = os.environ["PGUSER"]
    assert got == f"{oid}\n25600\n{oid}|{owner}|a picture\n{oid}|{owner}||a picture\n", got
    with open(os.path.join(folder, "exported"), "rb") as exported:
        assert exported.read() == bytes(range(256)) * 100


@shows("notices and notifications")
def notices():
    prints("DROP TABLE IF EXISTS never_there;\n", 'NOTICE:  table "never_there" does not exist, skipping')
    got = psql("LISTEN news;\nNOTIFY news, 'hello';\n")
    assert got.startswith('Asynchronous notification "news" with payload "hello" received from server process with PID'), got


@shows("`psql -l`, `--csv`, pg_isready")
def programs():
    done = subprocess.run(["pg_isready"], capture_output=True, text=True)
    assert done.returncode == 0 and "accepting connections" in done.stdout, done
    assert os.environ["PGDATABASE"] in psql("", "-l", "-d", os.environ["PGDATABASE"])
    prints("", "a,b\n1,\"x,y\"", "--csv", "-P", "tuples_only=off", "-c", "SELECT 1 AS a, 'x,y' AS b")


run("psql", subprocess.run(["psql", "--version"], capture_output=True, text=True).stdout.split()[2])
