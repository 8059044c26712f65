"""pgbouncer between psycopg and the server, in session and transaction mode: logins by SCRAM, resets, shared servers."""
import os
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
from trial import DATABASE, HOST, PASSWORD, PORT, USER, fails, run, shows


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def bouncer(mode):
    """A pgbouncer before the server; how to connect to it."""
    folder = Path(tempfile.mkdtemp())
    port = free_port()
    (folder / "users").write_text(f'"{USER}" "{PASSWORD}"\n')
    (folder / "ini").write_text(
        f"""[databases]
{DATABASE} = host={HOST} port={PORT} dbname={DATABASE}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = 2
server_reset_query = DISCARD ALL
ignore_startup_parameters = extra_float_digits
logfile = {folder}/log
pidfile = {folder}/pid
admin_users = {USER}
"""
    )
    for path in (folder, folder / "users", folder / "ini"):
        path.chmod(0o777)
    command = ["pgbouncer", str(folder / "ini")]
    if os.getuid() == 0:
        # It refuses to run as root; Debian's package brings PostgreSQL's user.
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield dict(host="127.0.0.1", port=port, user=USER, password=PASSWORD, dbname=DATABASE)
    finally:
        process.terminate()
        process.wait()


def many(login, clients, each):
    """Runs `each` with its number and a connection, all at once."""
    failed = []

    def one(number):
        try:
            with psycopg.connect(**login, autocommit=True) as connection:
                each(number, connection)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed


@shows("session mode: state of a borrower is gone, settings, cursors, COPY, cancel, LISTEN")
def session():
    with bouncer("session") as login:
        with psycopg.connect(**login, autocommit=True) as connection:
            backend = connection.execute("SELECT pg_backend_pid()").fetchone()
            connection.execute("SET work_mem = '1MB'; CREATE TEMP TABLE mine (a int); PREPARE mine AS SELECT 1; LISTEN news")
            connection.execute("NOTIFY news")
            assert len(list(connection.notifies(timeout=5, stop_after=1))) == 1
        with psycopg.connect(**login, autocommit=True) as connection:
            # The same server connection, as if new.
            assert connection.execute("SELECT pg_backend_pid()").fetchone() == backend
            assert connection.execute("SHOW work_mem").fetchone() != ("1MB",)
            fails("42P01", connection.execute, "SELECT * FROM mine")
            fails("26000", connection.execute, "EXECUTE mine")
            assert connection.execute("SELECT count(*) FROM pg_listening_channels()").fetchone() == (0,)
            threading.Timer(0.3, connection.cancel).start()
            fails("57014", connection.execute, "SELECT pg_sleep(30)")
        with psycopg.connect(**login) as connection:
            with connection.cursor("named") as cursor:
                cursor.execute("SELECT generate_series(1, 100)")
                assert len(cursor.fetchall()) == 100
            with connection.cursor().copy("COPY (SELECT 1) TO STDOUT") as copy:
                assert list(copy.rows()) == [("1",)]


@shows("transaction mode: 20 clients over 2 servers, application_name kept apart")
def transaction():
    with bouncer("transaction") as login:
        with psycopg.connect(**login, autocommit=True, prepare_threshold=None) as connection:
            connection.execute("CREATE TABLE counted (n int)")

        def each(number, connection):
            connection.prepare_threshold = None
            for _ in range(5):
                with connection.transaction():
                    connection.execute("INSERT INTO counted VALUES (%s)", (number,))
                    name = connection.execute("SELECT current_setting('application_name')").fetchone()[0]
                assert name == login["application_name"], name

        login["application_name"] = "a crowd"
        many(login, 20, each)
        login["application_name"] = "another"
        with psycopg.connect(**login, autocommit=True, prepare_threshold=None) as connection:
            row = connection.execute("SELECT count(*), current_setting('application_name') FROM counted").fetchone()
            assert row == (100, "another"), row
        with psycopg.connect(**login, autocommit=True, prepare_threshold=None) as connection:
            backends = connection.execute("SELECT count(DISTINCT pid) FROM pg_stat_activity WHERE application_name IN ('a crowd', 'another')")
            assert backends.fetchone()[0] <= 2


run("pgbouncer", subprocess.run(["pgbouncer", "--version"], capture_output=True, text=True).stdout.split()[1])
