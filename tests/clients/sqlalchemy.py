"""SQLAlchemy 2 over psycopg, psycopg2 and asyncpg: reflection whole, Core, ORM, savepoints, upserts, streams."""
import asyncio
import datetime as dt
import decimal
import uuid
from typing import Optional

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload
from trial import fails, run, shows, url

engines = {driver: sa.create_engine(url(f"postgresql+{driver}")) for driver in ("psycopg", "psycopg2")}
engine = engines["psycopg"]


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "person"
    __table_args__ = (
        sa.UniqueConstraint("first", "last", name="person_name"),
        sa.CheckConstraint("height > 0", name="person_height"),
        sa.Index("person_born", sa.text("born DESC"), "last"),
        {"comment": "People we know"},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[str] = mapped_column(sa.String(40), comment="Given name")
    last: Mapped[str] = mapped_column(sa.Text)
    born: Mapped[Optional[dt.date]]
    height: Mapped[Optional[decimal.Decimal]] = mapped_column(sa.Numeric(5, 2))
    seen: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
    key: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    tags: Mapped[list[str]] = mapped_column(pg.ARRAY(sa.Text), default=list)
    facts: Mapped[Optional[dict]] = mapped_column(pg.JSONB)
    photo: Mapped[Optional[bytes]]
    letters: Mapped[list["Letter"]] = relationship(back_populates="person", cascade="all, delete-orphan")


class Letter(Base):
    __tablename__ = "letter"
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="CASCADE", name="letter_person"))
    text: Mapped[str]
    person: Mapped[Person] = relationship(back_populates="letters")


@shows("create_all")
def create():
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)  # asks what is there, finds it


@shows("reflection: tables, columns, keys, indexes, checks, comments, views")
def reflect():
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW grown AS SELECT id, last FROM person WHERE height > 1.5")
        connection.exec_driver_sql("CREATE SCHEMA other; CREATE TABLE other.thing (a int DEFAULT 7, b serial)")
        connection.exec_driver_sql("CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM person")
        connection.exec_driver_sql("CREATE TEMP TABLE passing (a int)")
        assert sa.inspect(connection).get_temp_table_names() == ["passing"]
    for each in engines.values():
        look = sa.inspect(each)
        assert look.default_schema_name == "public"
        assert {"public", "other", "information_schema"} <= set(look.get_schema_names())
        assert sorted(look.get_table_names()) == ["letter", "person"], look.get_table_names()
        assert look.get_view_names() == ["grown"] and look.get_materialized_view_names() == ["counted"]
        assert look.has_table("person") and look.has_table("thing", schema="other") and not look.has_table("thing")
        assert "height > " in look.get_view_definition("grown")
        columns = {c["name"]: c for c in look.get_columns("person")}
        shapes = {name: str(c["type"]) for name, c in columns.items()}
        assert shapes == {
            "id": "INTEGER",
            "first": "VARCHAR(40)",
            "last": "TEXT",
            "born": "DATE",
            "height": "NUMERIC(5, 2)",
            "seen": "TIMESTAMP",
            "key": "UUID",
            "tags": "ARRAY",
            "facts": "JSONB",
            "photo": "BYTEA",
        }, shapes
        assert columns["seen"]["type"].timezone and columns["seen"]["default"] == "now()"
        assert columns["id"]["default"] == "nextval('person_id_seq'::regclass)" and columns["id"]["autoincrement"]
        assert columns["first"]["comment"] == "Given name" and not columns["first"]["nullable"]
        identity = look.get_columns("letter")[0]["identity"]
        assert identity["always"] and identity["start"] == 1 and identity["increment"] == 1, identity
        assert look.get_columns("thing", schema="other")[0]["default"] == "7"
        assert look.get_table_comment("person") == {"text": "People we know"}
        assert look.get_pk_constraint("person") == {
            "constrained_columns": ["id"], "name": "person_pkey", "comment": None, "dialect_options": {"postgresql_include": []},
        }, look.get_pk_constraint("person")
        (key,) = look.get_foreign_keys("letter")
        assert (key["name"], key["constrained_columns"], key["referred_table"], key["referred_columns"], key["options"]) == (
            "letter_person", ["person_id"], "person", ["id"], {"ondelete": "CASCADE"},
        ), key
        assert [(u["name"], u["column_names"]) for u in look.get_unique_constraints("person")] == [("person_name", ["first", "last"])]
        (check,) = look.get_check_constraints("person")
        assert check["name"] == "person_height" and "height > " in check["sqltext"], check
        indexes = {i["name"]: i for i in look.get_indexes("person")}
        assert sorted(indexes) == ["person_born", "person_name"], indexes
        assert indexes["person_born"]["column_names"] == ["born", "last"] and not indexes["person_born"]["unique"]
        assert indexes["person_born"]["column_sorting"] == {"born": ("desc",)}, indexes["person_born"]
        assert indexes["person_name"]["duplicates_constraint"] == "person_name"
        metadata = sa.MetaData()
        metadata.reflect(each, views=True)
        assert set(metadata.tables) == {"person", "letter", "grown", "counted"}, metadata.tables.keys()
        assert sa.Table("thing", metadata, schema="other", autoload_with=each).c.b.autoincrement
        look.get_enums()
        look.get_domains()
        look.get_sequence_names()


@shows("ORM: insert, relate, load, update, delete")
def orm():
    with Session(engine) as session:
        ada = Person(
            first="Ada", last="Lovelace", born=dt.date(1815, 12, 10), height=decimal.Decimal("1.65"), tags=["math", "o'b\"c"],
            facts={"programs": [1]}, photo=b"\0\xff", letters=[Letter(text="Dear Charles"), Letter(text="é")],
        )
        session.add_all([ada] + [Person(first=f"p{n}", last="Doe", height=n + 1) for n in range(50)])
        session.commit()
        assert ada.id == 1 and ada.seen.tzinfo is not None and [letter.id for letter in ada.letters] == [1, 2]
    with Session(engine) as session:
        found = session.scalars(sa.select(Person).where(Person.last == "Lovelace").options(selectinload(Person.letters))).one()
        assert found.tags == ["math", "o'b\"c"] and found.facts == {"programs": [1]} and found.photo == b"\0\xff"
        assert [letter.text for letter in found.letters] == ["Dear Charles", "é"] and isinstance(found.key, uuid.UUID)
        assert session.scalar(sa.select(sa.func.count()).where(Person.tags.any("math"))) == 1
        assert session.scalar(sa.select(Person.facts["programs"][0].as_integer()).where(Person.id == 1)) == 1
        found.last = "King"
        session.flush()
        with session.begin_nested() as nested:
            session.add(Person(first="x", last="y", height=1))
            nested.rollback()
        session.commit()
        session.execute(sa.update(Person).where(Person.last == "Doe").values(height=Person.height + 1))
        session.delete(found)
        session.commit()
        assert session.scalar(sa.select(sa.func.count(Letter.id))) == 0
        assert session.scalar(sa.select(sa.func.sum(Person.height))) == sum(range(2, 52))


@shows("Core: joins, windows, CTEs, upserts, RETURNING, streams, on every driver")
def core():
    person, letter = Person.__table__, Letter.__table__
    for each in engines.values():
        with each.begin() as connection:
            row = {"id": 1000, "first": "U", "last": "P", "height": 1, "key": uuid.uuid4(), "tags": []}
            upsert = insert(person).values(row)
            upsert = upsert.on_conflict_do_update(index_elements=["id"], set_={"height": upsert.excluded.height + person.c.height})
            for _ in range(2):
                height = connection.execute(upsert.returning(person.c.height)).scalar_one()
            assert height in (2, 4), height
            made = connection.execute(letter.insert().returning(letter.c.id), [{"person_id": 1000, "text": str(n)} for n in range(2000)])
            assert len(made.all()) == 2000
            ranked = sa.select(letter.c.text, sa.func.row_number().over(order_by=letter.c.id).label("n")).cte("ranked")
            query = sa.select(sa.func.max(ranked.c.n)).select_from(ranked)
            assert connection.scalar(query) >= 2000
            joined = sa.select(person.c.first, sa.func.count(letter.c.id)).join(letter, isouter=True).group_by(person.c.first)
            assert dict(connection.execute(joined).all())["U"] >= 2000
            stream = connection.execution_options(stream_results=True, max_row_buffer=100)
            assert sum(1 for _ in stream.execute(sa.select(letter.c.id))) >= 2000
            connection.execution_options(stream_results=False)
            assert connection.execute(sa.text("SELECT :a ::int AS a"), {"a": 5}).scalar() == 5
        fails("23503", lambda: each.connect().execute(letter.insert().values(person_id=-1, text="x")))


@shows("asyncpg dialect")
def asynchronous():
    async def main():
        other = create_async_engine(url("postgresql+asyncpg"))
        async with other.connect() as connection:
            rows = await connection.execute(sa.select(Person.id, Person.seen, Person.tags).where(Person.height > 49))
            assert len(rows.all()) == 2
            names = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
            assert sorted(names) == ["letter", "person"], names
        await other.dispose()

    asyncio.run(main())


@shows("isolation levels, pool pre-ping")
def isolation():
    other = sa.create_engine(url("postgresql+psycopg"), isolation_level="REPEATABLE READ", pool_pre_ping=True)
    with other.connect() as connection:
        assert connection.get_isolation_level() == "REPEATABLE READ"
        assert connection.scalar(sa.text("SHOW transaction_isolation")) == "repeatable read"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM"))


@shows("drop_all")
def drop():
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP VIEW grown; DROP MATERIALIZED VIEW counted")
    Base.metadata.drop_all(engine)
    assert sa.inspect(engine).get_table_names() == []


run("SQLAlchemy", sa.__version__)
