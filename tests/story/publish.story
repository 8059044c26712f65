# The story commons exists for: a colleague publishes, the others are told, rights hold, a crash loses nothing.

commons> CREATE SCHEMA nyc
commons> CREATE TABLE nyc.flights (carrier text, arr_delay int)
commons> INSERT INTO nyc.flights VALUES ('AA', 10), ('AA', 20), ('UA', -5), ('UA', NULL), ('DL', 3)
commons> CREATE ROLE ann LOGIN PASSWORD 'ann'
commons> CREATE ROLE bob LOGIN PASSWORD 'bob'
commons> CREATE ROLE carol LOGIN PASSWORD 'carol'
commons> GRANT USAGE ON SCHEMA nyc TO ann; GRANT SELECT ON nyc.flights TO ann
bob> LISTEN commons
carol> LISTEN commons
ann> CREATE SCHEMA team; GRANT USAGE ON SCHEMA team TO bob
ann> BEGIN
ann> CREATE VIEW team.delays AS SELECT carrier, avg(arr_delay) AS delay, count(*) AS n FROM nyc.flights GROUP BY 1
bob! notices 0
ann> GRANT SELECT ON team.delays TO bob
ann> COMMIT
bob! notices 1
carol! notices 0
----
bob: [commons] {"event":"publish","object":"team.delays","kind":"view","version":1,"by":"ann","at":"…"}

# bob has no right on what the view reads, and needs none: the view runs as its owner.
bob> SELECT carrier, n FROM team.delays ORDER BY delay DESC
bob> SELECT count(*) FROM nyc.flights
carol> SELECT * FROM team.delays
----
bob: carrier | n
bob: AA | 2
bob: DL | 1
bob: UA | 2
bob: ERROR 42501: permission denied for schema nyc
bob: DETAIL: nyc is owned by commons. Role bob has no USAGE privilege on it.
nyc.flights is owned by commons. Role bob has no SELECT privilege on it.
bob: HINT: Ask commons for: GRANT USAGE ON SCHEMA nyc TO bob; GRANT SELECT ON nyc.flights TO bob;
carol: ERROR 42501: permission denied for schema team
carol: DETAIL: team is owned by ann. Role carol has no USAGE privilege on it.
team.delays is owned by ann. Role carol has no SELECT privilege on it.
carol: HINT: Ask ann for: GRANT USAGE ON SCHEMA team TO carol; GRANT SELECT ON team.delays TO carol;

server! kill
server! start
bob> SELECT carrier, n FROM team.delays ORDER BY delay DESC
carol> SELECT * FROM team.delays
ann> SELECT count(*) FROM nyc.flights
----
bob: carrier | n
bob: AA | 2
bob: DL | 1
bob: UA | 2
carol: ERROR 42501: permission denied for schema team
carol: DETAIL: team is owned by ann. Role carol has no USAGE privilege on it.
team.delays is owned by ann. Role carol has no SELECT privilege on it.
carol: HINT: Ask ann for: GRANT USAGE ON SCHEMA team TO carol; GRANT SELECT ON team.delays TO carol;
ann: count
ann: 5
