"""commons beside PostgreSQL 15 and DuckDB, on one machine in one run. Prints ratios; see `benches/run`."""
from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import select
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import connectorx
import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

TPCH = Path(__file__).parent / "tpch"
PG_BIN = Path(os.environ.get("PG_BIN", "/usr/lib/postgresql/15/bin"))
PASSWORD = "bench"
TABLES = {
    "region": "r_regionkey int, r_name text, r_comment text",
    "nation": "n_nationkey int, n_name text, n_regionkey int, n_comment text",
    "supplier": "s_suppkey bigint, s_name text, s_address text, s_nationkey int, s_phone text,"
    " s_acctbal numeric(15,2), s_comment text",
    "customer": "c_custkey bigint, c_name text, c_address text, c_nationkey int, c_phone text,"
    " c_acctbal numeric(15,2), c_mktsegment text, c_comment text",
    "part": "p_partkey bigint, p_name text, p_mfgr text, p_brand text, p_type text, p_size int,"
    " p_container text, p_retailprice numeric(15,2), p_comment text",
    "partsupp": "ps_partkey bigint, ps_suppkey bigint, ps_availqty int, ps_supplycost numeric(15,2),"
    " ps_comment text",
    "orders": "o_orderkey bigint, o_custkey bigint, o_orderstatus text, o_totalprice numeric(15,2),"
    " o_orderdate date, o_orderpriority text, o_clerk text, o_shippriority int, o_comment text",
    "lineitem": "l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber int,"
    " l_quantity numeric(15,2), l_extendedprice numeric(15,2), l_discount numeric(15,2),"
    " l_tax numeric(15,2), l_returnflag text, l_linestatus text, l_shipdate date,"
    " l_commitdate date, l_receiptdate date, l_shipinstruct text, l_shipmode text, l_comment text",
}
# PostgreSQL gets the indexes anybody would give it; without them some queries take hours.
INDEXES = {
    "lineitem": ["l_orderkey", "l_partkey, l_suppkey"],
    "orders": ["o_orderkey", "o_custkey"],
    "customer": ["c_custkey"],
    "part": ["p_partkey"],
    "partsupp": ["ps_partkey, ps_suppkey"],
    "supplier": ["s_suppkey"],
}


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Commons:
    name = "commons"

    def __init__(self, program: str, folder: Path) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [program, "serve", "--data-dir", folder / "commons", "--listen", f"127.0.0.1:{self.port}"]
            + ["--admin-listen", "off"],
            env={**os.environ, "COMMONS_PASSWORD": PASSWORD, "COMMONS_LOG": "warn"},
            stdout=subprocess.PIPE,
        )
        assert b"listening" in self.process.stdout.readline()

    def connect(self, **kwargs) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="commons", password=PASSWORD, dbname="commons",
            autocommit=True, **kwargs,
        )

    def url(self) -> str:
        return f"postgresql://commons:{PASSWORD}@127.0.0.1:{self.port}/commons"

    def memory_kib(self) -> int:
        return rss_kib(self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Postgres:
    name = "PostgreSQL"

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.data = folder / "postgres"
        self.data.mkdir()
        self.user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        if self.user:
            os.chown(self.data, self.user.pw_uid, self.user.pw_gid)
            folder.chmod(0o755)
        self.run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8")
        options = (
            f"-c port={self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
            " -c shared_buffers=2GB -c work_mem=256MB -c max_connections=1200 -c max_wal_size=8GB"
        )
        self.run("pg_ctl", "-w", "-o", options, "-l", "/dev/null", "start")
        self.postmaster = int((self.data / "postmaster.pid").read_text().split()[0])

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [PG_BIN / program, "-D", self.data, *arguments], check=True, cwd="/",
            stdout=subprocess.DEVNULL, **({"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}),
        )

    def connect(self, **kwargs) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True, **kwargs
        )

    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def memory_kib(self) -> int:
        children = subprocess.run(
            ["pgrep", "-P", str(self.postmaster)], capture_output=True, text=True
        ).stdout.split()
        return sum(pss_kib(int(pid)) for pid in [self.postmaster, *children])

    def stop(self) -> None:
        self.run("pg_ctl", "-m", "immediate", "stop")


def rss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def pss_kib(pid: int) -> int:
    """Shared pages divided among those who share them: summing backends counts nothing twice."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def report(what: str, ours: float, theirs: float | None, unit: str, peer: str = "PostgreSQL") -> None:
    ratio = f"{ours / theirs:6.2f}x" if theirs else "      -"
    other = f"{theirs:10.2f}" if theirs is not None else f"{'-':>10}"
    print(f"{what:<44} commons {ours:10.2f} {unit:<5} {peer:<10} {other} {unit:<5} ratio {ratio}", flush=True)


def timed(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def processor(work) -> float:
    """Processor time of this process, all its threads."""
    started = time.process_time()
    work()
    return time.process_time() - started


# --- data -------------------------------------------------------------------------------------------------


def parquet(work: Path, scale: str) -> Path:
    folder = work / f"tpch-{scale}"
    if not (folder / "lineitem.parquet").exists():
        subprocess.run(["tpchgen-cli", "parquet", "-s", scale, "--output-dir", folder], check=True)
    return folder


def csv(folder: Path, table: str) -> Path:
    path = folder / f"{table}.csv"
    if not path.exists():
        duckdb.sql(f"COPY (SELECT * FROM '{folder}/{table}.parquet') TO '{path}' (HEADER false)")
    return path


def copy_in(server, table: str, path: Path, like: str | None = None, options: str = "FORMAT csv") -> float:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} ({f'LIKE {like}' if like else TABLES[table]})")
        started = time.perf_counter()
        with cursor.copy(f"COPY {table} FROM STDIN ({options})") as copy, open(path, "rb") as file:
            while block := file.read(1 << 20):
                copy.write(block)
        return time.perf_counter() - started


def load(servers, data: Path) -> None:
    took = {server.name: {} for server in servers}
    for table in TABLES:
        path = csv(data, table)
        for server in servers:
            took[server.name][table] = copy_in(server, table, path)
    for server in servers:
        if isinstance(server, Postgres):
            with server.connect() as connection:
                for table, indexes in INDEXES.items():
                    for columns in indexes:
                        connection.execute(f"CREATE INDEX ON {table} ({columns})")
                connection.execute("VACUUM ANALYZE")
    ours, theirs = (took[server.name]["lineitem"] for server in servers)
    report("COPY lineitem FROM STDIN, csv", ours, theirs, "s")
    # PostgreSQL's own binary rows, and the same as an Arrow stream: PostgreSQL's answer to that is the former.
    binary, arrow = data / "lineitem.bin", data / "lineitem.arrow"
    if not binary.exists():
        with servers[1].connect() as connection, connection.cursor() as cursor, open(binary, "wb") as file:
            with cursor.copy("COPY lineitem TO STDOUT (FORMAT binary)") as copy:
                for block in copy:
                    file.write(block)
    if not arrow.exists():
        table = pq.read_table(data / "lineitem.parquet")
        with pa.ipc.new_stream(arrow, table.schema) as writer:
            writer.write_table(table, max_chunksize=65536)
    ours, theirs = (copy_in(server, "line_binary", binary, "lineitem", "FORMAT binary") for server in servers)
    report("COPY lineitem FROM STDIN, binary", ours, theirs, "s")
    ours = copy_in(servers[0], "line_arrow", arrow, "lineitem", "FORMAT arrow")
    report("COPY lineitem FROM STDIN, arrow / binary", ours, theirs, "s")
    for server in servers:
        with server.connect() as connection:
            connection.execute("DROP TABLE line_binary")
            connection.execute("DROP TABLE IF EXISTS line_arrow")


# --- measurements -----------------------------------------------------------------------------------------


def latency(servers) -> None:
    found = {}
    for server in servers:
        with server.connect() as connection:
            for prepared in (False, True):
                times = []
                for i in range(3000):
                    times.append(timed(lambda: connection.execute("SELECT 1", prepare=prepared).fetchone()))
                times = sorted(times[500:])
                found[server.name, prepared] = (statistics.median(times) * 1e6, times[int(len(times) * 0.99)] * 1e6)
    for prepared in (False, True):
        how = "prepared" if prepared else "ad hoc"
        for index, quantile in enumerate(("p50", "p99")):
            report(f"SELECT 1, {how}, {quantile}", *(found[s.name, prepared][index] for s in servers), "us")


def tpch(servers, data: Path) -> None:
    lake = duckdb.connect()
    for table in TABLES:
        lake.execute(f"CREATE TABLE {table} AS SELECT * FROM '{data}/{table}.parquet'")
    totals = {}
    connections = [(server.name, server.connect()) for server in servers]
    for path in sorted(TPCH.glob("q*.sql")):
        sql = path.read_text()
        times = {}
        for name, connection in connections:
            connection.execute("SET statement_timeout = '120s'")
            try:
                times[name] = min(timed(lambda: connection.execute(sql).fetchall()) for _ in range(3))
            except psycopg.Error as error:
                print(f"  {path.stem}: {name} failed: {error}".rstrip())
                times[name] = None
        times["DuckDB"] = min(timed(lambda: lake.execute(sql).fetchall()) for _ in range(3))
        shown = "  ".join(f"{n} {t * 1000:9.1f} ms" if t else f"{n}    failed" for n, t in times.items())
        print(f"  {path.stem}  {shown}", flush=True)
        for name, took in times.items():
            totals.setdefault(name, []).append(took)
    sums = {}
    names = list(totals)
    both = [row for row in zip(*totals.values()) if all(row)]
    for i, name in enumerate(names):
        sums[name] = sum(row[i] for row in both)
    print(f"  (sums over the {len(both)} queries all three answered)")
    report("TPC-H, sum of hot times", sums["commons"], sums["PostgreSQL"], "s")
    report("TPC-H, sum of hot times", sums["commons"], sums["DuckDB"], "s", "DuckDB")


def transfer(servers) -> None:
    sql = b"SELECT * FROM lineitem LIMIT 1000000"
    for label, binary in (("text", 0), ("binary", 1)):
        best = []
        for server in servers:
            with server.connect() as connection:
                # libpq's own result, without Python's decoding: what is measured is the server and the wire.
                def fetch() -> None:
                    result = connection.pgconn.exec_params(sql, None, result_format=binary)
                    assert result.ntuples == min(1_000_000, rows(server)), result.error_message
                best.append(min(timed(fetch) for _ in range(3)))
        report(f"1,000,000 lineitem rows, {label}", *best, "s")
    text = sql.decode()
    for label, fetch in (("ADBC", adbc_fetch), ("ConnectorX", connectorx_fetch)):
        found = [min(timed(lambda: fetch(server, text)) for _ in range(3)) for server in servers]
        report(f"1,000,000 lineitem rows, {label}", *found, "s")
        # What no server can save: the processor time of the client itself.
        report(f"  {label}'s own decoding", processor(lambda: fetch(servers[0], text)), found[1], "s")
    found = [min(timed(lambda: drain(server, f"({text})", "binary")) for _ in range(3)) for server in servers]
    report("1,000,000 lineitem rows, COPY binary", *found, "s")
    for options in ("arrow", "arrow, COMPRESSION lz4"):
        ours = min(timed(lambda: arrow_fetch(servers[0], text, options)) for _ in range(3))
        report(f"1,000,000 lineitem rows, COPY {options}", ours, found[1], "s")
    for label in ("text", "csv", "binary"):
        best = [min(timed(lambda: drain(server, "lineitem", label)) for _ in range(2)) for server in servers]
        report(f"COPY lineitem TO STDOUT, {label}", *best, "s")
    ours = min(timed(lambda: drain(servers[0], "lineitem", "arrow")) for _ in range(2))
    report("COPY lineitem TO STDOUT, arrow / binary", ours, best[1], "s")
    ours = min(timed(lambda: drain(servers[0], "lineitem", "parquet")) for _ in range(2))
    report("COPY lineitem TO STDOUT, parquet / binary", ours, best[1], "s")


def drain(server, source: str, format: str) -> None:
    """Takes what COPY sends and throws it away, by libpq alone: Python's own work for each row would hide the server's."""
    with server.connect() as connection:
        pgconn = connection.pgconn
        pgconn.exec_(f"COPY {source} TO STDOUT (FORMAT {format})".encode())
        while True:
            length, _ = pgconn.get_copy_data(0)
            if length < 0:
                break
        assert length == -1, pgconn.error_message
        while pgconn.get_result():
            pass


def arrow_fetch(server, sql: str, options: str) -> None:
    with server.connect() as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT {options})") as copy:
            table = pa.ipc.open_stream(b"".join(copy)).read_all()
        assert table.num_rows == min(1_000_000, rows(server))


def adbc_fetch(server, sql: str) -> None:
    with adbc.connect(server.url()) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        assert cursor.fetch_arrow_table().num_rows == min(1_000_000, rows(server))


def connectorx_fetch(server, sql: str) -> None:
    table = connectorx.read_sql(server.url(), sql, return_type="arrow", protocol="binary")
    assert table.num_rows == min(1_000_000, rows(server))


def rows(server) -> int:
    with server.connect() as connection:
        return connection.execute("SELECT count(*) FROM lineitem").fetchone()[0]


def notices(servers) -> None:
    for listeners in (1, 100, 1000):
        found = []
        for server in servers:
            with contextlib.ExitStack() as stack:
                sockets = {}
                poll = select.epoll()
                for _ in range(listeners):
                    connection = stack.enter_context(server.connect())
                    connection.execute("LISTEN commons")
                    sockets[connection.fileno()] = connection
                    poll.register(connection.fileno(), select.EPOLLIN)
                publisher = stack.enter_context(server.connect())
                delays = []
                for i in range(20):
                    if isinstance(server, Postgres):
                        sql = "BEGIN; CREATE OR REPLACE VIEW told AS SELECT 1 AS x; NOTIFY commons, '%d'; COMMIT" % i
                    else:
                        sql = "CREATE OR REPLACE VIEW public.told AS SELECT 1 AS x"
                    started = time.perf_counter()
                    publisher.pgconn.send_query(sql.encode())
                    publisher.pgconn.flush()
                    waiting = set(sockets)
                    while waiting:
                        for fd, _ in poll.poll(5):
                            if fd in waiting:
                                delays.append(time.perf_counter() - started)
                                waiting.remove(fd)
                                os.read(fd, 65536)
                        assert time.perf_counter() - started < 10, f"{len(waiting)} listeners heard nothing"
                    while publisher.pgconn.get_result():
                        pass
                    while publisher.pgconn.notifies():
                        pass
                delays.sort()
                found.append([statistics.median(delays) * 1e3, delays[int(len(delays) * 0.99)] * 1e3])
        for index, quantile in enumerate(("p50", "p99")):
            report(f"publish -> notice, {listeners} listeners, {quantile}", *(f[index] for f in found), "ms")


def memory(servers) -> None:
    count = 1000
    found = []
    for server in servers:
        before = server.memory_kib()
        with contextlib.ExitStack() as stack:
            for _ in range(count):
                stack.enter_context(server.connect()).execute("LISTEN commons")
            found.append((server.memory_kib() - before) / count)
    report("memory per idle connection", *found, "KiB")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--commons", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--scale", default="1")
    parser.add_argument("--only", default="memory,latency,notices,transfer,tpch")
    arguments = parser.parse_args()
    only = arguments.only.split(",")
    data = parquet(arguments.work, arguments.scale)
    folder = Path(tempfile.mkdtemp(prefix="commons-bench-"))
    servers = []
    try:
        servers.append(Commons(arguments.commons, folder))
        servers.append(Postgres(folder))
        for measure in (memory, latency, notices):
            if measure.__name__ in only:
                measure(servers)
        if "transfer" in only or "tpch" in only:
            load(servers, data)
        if "transfer" in only:
            transfer(servers)
        if "tpch" in only:
            tpch(servers, data)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
