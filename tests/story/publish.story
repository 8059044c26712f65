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

# bob has no right on what the view reads, and needs none: the view runs as its owner.
bob> SELECT carrier, n FROM team.delays ORDER BY delay DESC
bob> SELECT count(*) FROM nyc.flights
carol> SELECT * FROM team.delays
----

server! kill
server! start
bob> SELECT carrier, n FROM team.delays ORDER BY delay DESC
carol> SELECT * FROM team.delays
ann> SELECT count(*) FROM nyc.flights
----
