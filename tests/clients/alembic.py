"""Alembic: a migration generated from the difference of models and database, run up, checked, run down."""
import contextlib
import io
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa
from alembic.config import CommandLine, Config
from trial import run, shows, url

folder = Path(tempfile.mkdtemp())
os.chdir(folder)
sys.path.insert(0, str(folder))
sys.dont_write_bytecode = True
engine = sa.create_engine(url("postgresql+psycopg"))
MODELS = '''
import sqlalchemy as sa
metadata = sa.MetaData()
author = sa.Table("author", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String({width}), nullable=False, unique=True, comment="as printed"),
    sa.Column("born", sa.Date),{more}
    comment="who writes")
book = sa.Table("book", metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("author_id", sa.ForeignKey("author.id", ondelete="CASCADE", name="book_author"), nullable=False),
    sa.Column("price", sa.Numeric(8, 2), server_default="0"),
    sa.Index("book_price", "price"),
    sa.CheckConstraint("price >= 0", name="book_price_positive"))
'''


def alembic(*arguments):
    """Runs one of its commands in this process, as its program does; what it says."""
    said = io.StringIO()
    sys.modules.pop("models", None)
    program = CommandLine()
    options = program.parser.parse_args(arguments)
    config = Config(folder / "alembic.ini", cmd_opts=options, stdout=said)
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        program.run_cmd(config, options)
    return said.getvalue()


def models(width, more=""):
    (folder / "models.py").write_text(MODELS.format(width=width, more=more))


@shows("init, revision --autogenerate, upgrade")
def upgrade():
    alembic("init", str(folder / "migrations"))
    ini = folder / "alembic.ini"
    lines = ini.read_text().splitlines()
    lines = [f"sqlalchemy.url = {url('postgresql+psycopg').replace('%', '%%')}" if line.startswith("sqlalchemy.url") else line for line in lines]
    ini.write_text("\n".join(lines))
    env = folder / "migrations" / "env.py"
    env.write_text(env.read_text().replace("target_metadata = None", "import models\ntarget_metadata = models.metadata"))
    models(40)
    alembic("revision", "--autogenerate", "-m", "first")
    alembic("upgrade", "head")
    assert sorted(sa.inspect(engine).get_table_names()) == ["alembic_version", "author", "book"]


@shows("check finds no difference")
def check():
    assert "No new upgrade operations detected" in alembic("check")


@shows("a second revision: new column, wider type, new index")
def second():
    models(80, '\n    sa.Column("email", sa.Text, index=True),')
    alembic("revision", "--autogenerate", "-m", "second")
    (made,) = (folder / "migrations" / "versions").glob("*_second.py")
    generated = made.read_text()
    for step in ("op.add_column('author'", "type_=sa.String(length=80)", "op.create_index(op.f('ix_author_email')"):
        assert step in generated, generated
    alembic("upgrade", "head")
    assert "No new upgrade operations detected" in alembic("check")
    columns = {c["name"]: str(c["type"]) for c in sa.inspect(engine).get_columns("author")}
    assert columns["name"] == "VARCHAR(80)" and columns["email"] == "TEXT", columns


@shows("downgrade")
def downgrade():
    assert "(head)" in alembic("current") and "first" in alembic("history")
    alembic("downgrade", "-1")
    assert "email" not in [c["name"] for c in sa.inspect(engine).get_columns("author")]
    alembic("downgrade", "base")
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]


run("Alembic", version("alembic"))
