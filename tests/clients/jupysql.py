"""JupySQL's magics in an IPython shell: %sql, %%sql, variables, frames, snippets, the catalog, plots."""
import os

os.environ["PLOOMBER_STATS_ENABLED"] = "false"
import matplotlib

matplotlib.use("Agg")
from importlib.metadata import version

import pandas as pd
from IPython.core.interactiveshell import InteractiveShell
from trial import run, shows, url

shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "sql")
shell.run_line_magic("config", "SqlMagic.displaycon = False")
shell.run_line_magic("config", "SqlMagic.feedback = 0")


@shows("connect, cells, line queries, bind variables")
def cells():
    shell.run_line_magic("sql", url("postgresql+psycopg"))
    shell.run_cell_magic("sql", "", "CREATE TABLE penguin (species text, mass float8); INSERT INTO penguin SELECT 's' || i % 3, i FROM generate_series(1, 300) AS g(i)")
    result = shell.run_line_magic("sql", "SELECT species, avg(mass) AS mass FROM penguin GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in result] == [("s0", 151.5), ("s1", 149.5), ("s2", 150.5)], result
    shell.user_ns["least"] = 200
    result = shell.run_line_magic("sql", "SELECT count(*) FROM penguin WHERE mass > {{least}}")
    assert result[0][0] == 100, result
    shell.run_cell_magic("sql", "kept <<", "SELECT * FROM penguin WHERE mass < 3")
    assert len(shell.user_ns["kept"].DataFrame()) == 2


@shows("frames in and out")
def frames():
    shell.user_ns["frame"] = pd.DataFrame({"a": [1, 2, 3]})
    shell.run_line_magic("sql", "--persist frame --no-index")
    shell.run_line_magic("sql", "--append frame --no-index")
    assert shell.run_line_magic("sql", "SELECT sum(a) FROM frame").DataFrame().iloc[0, 0] == 12


@shows("snippets as CTEs")
def snippets():
    shell.run_cell_magic("sql", "--save heavy --no-execute", "SELECT * FROM penguin WHERE mass > 250")
    result = shell.run_line_magic("sql", "--with heavy SELECT species, count(*) AS n FROM heavy GROUP BY 1 ORDER BY 1")
    assert sum(row[1] for row in result) == 50, result


@shows("%sqlcmd tables, columns, profile")
def commands():
    assert "penguin" in str(shell.run_line_magic("sqlcmd", "tables"))
    assert "mass" in str(shell.run_line_magic("sqlcmd", "columns --table penguin"))
    assert "mean" in str(shell.run_line_magic("sqlcmd", "profile --table penguin"))


@shows("%sqlplot histogram, boxplot, bar")
def plots():
    for plot in ("histogram --table penguin --column mass --bins 10", "boxplot --table penguin --column mass", "bar --table penguin --column species"):
        assert shell.run_line_magic("sqlplot", plot) is not None


run("JupySQL", version("jupysql"))
