"""An idle psycopg connection is told of a publication without sending anything."""
import json
import threading

import psycopg

admin = psycopg.connect(autocommit=True)
admin.execute("CREATE ROLE bob LOGIN PASSWORD 'bob'")
admin.execute("CREATE SCHEMA team")
admin.execute("GRANT USAGE ON SCHEMA team TO bob")
bob = psycopg.connect(user="bob", password="bob", autocommit=True)
bob.execute("LISTEN team")


def publish() -> None:
    with psycopg.connect() as ann:
        ann.execute("CREATE VIEW team.answer AS SELECT 42 AS x")
        ann.execute("GRANT SELECT ON team.answer TO bob")


threading.Timer(0.5, publish).start()
notices = list(bob.notifies(timeout=10, stop_after=1))
assert len(notices) == 1, notices
told = json.loads(notices[0].payload)
assert notices[0].channel == "team", notices
assert told["event"] == "publish" and told["object"] == "team.answer" and told["by"] == "commons", told
# Whoever is told can already read what the notice announces.
assert bob.execute("SELECT x FROM team.answer").fetchone() == (42,)
