# NOTIFY is transactional; publish events follow commits, in order, to those who may see the object.

commons> CREATE ROLE ann LOGIN PASSWORD 'ann'
commons> CREATE ROLE bob LOGIN PASSWORD 'bob'
ann> CREATE SCHEMA team; GRANT USAGE ON SCHEMA team TO bob
bob> LISTEN commons; LISTEN team; LISTEN "team.v"; LISTEN chat
ann> BEGIN; NOTIFY chat, 'one'; NOTIFY chat, 'one'; NOTIFY chat, 'two'
bob! notices 0
ann> COMMIT
bob! notices 2
----
bob: [chat] one
bob: [chat] two

ann> BEGIN; NOTIFY chat, 'never'; CREATE VIEW team.never AS SELECT 1 AS x; ROLLBACK
bob! notices 0
----

# One publication, three channels bob listens on.
ann> BEGIN; CREATE VIEW team.v AS SELECT 1 AS x; GRANT SELECT ON team.v TO bob; COMMENT ON VIEW team.v IS 'the answer'; COMMIT
bob! notices 3
ann> CREATE OR REPLACE VIEW team.v AS SELECT 2 AS x
bob! notices 3
----
bob: [commons] {"event":"publish","object":"team.v","kind":"view","version":1,"by":"ann","at":"…","note":"the answer"}
bob: [team] {"event":"publish","object":"team.v","kind":"view","version":1,"by":"ann","at":"…","note":"the answer"}
bob: [team.v] {"event":"publish","object":"team.v","kind":"view","version":1,"by":"ann","at":"…","note":"the answer"}
bob: [commons] {"event":"replace","object":"team.v","kind":"view","version":2,"by":"ann","at":"…","note":"the answer"}
bob: [team] {"event":"replace","object":"team.v","kind":"view","version":2,"by":"ann","at":"…","note":"the answer"}
bob: [team.v] {"event":"replace","object":"team.v","kind":"view","version":2,"by":"ann","at":"…","note":"the answer"}

# What bob may not see he is not told of; once he is granted it, he is.
ann> CREATE TABLE team.secret (x int)
bob! notices 0
ann> GRANT SELECT ON team.secret TO bob
bob! notices 2
ann> DROP VIEW team.v
bob! notices 3
----
bob: [commons] {"event":"grant","object":"team.secret","kind":"table","version":1,"by":"ann","at":"…"}
bob: [team] {"event":"grant","object":"team.secret","kind":"table","version":1,"by":"ann","at":"…"}
bob: [commons] {"event":"drop","object":"team.v","kind":"view","version":2,"by":"ann","at":"…"}
bob: [team] {"event":"drop","object":"team.v","kind":"view","version":2,"by":"ann","at":"…"}
bob: [team.v] {"event":"drop","object":"team.v","kind":"view","version":2,"by":"ann","at":"…"}

bob> UNLISTEN *
ann> NOTIFY chat, 'unheard'
bob! notices 0
----

# A temporary table is nobody else's business, and rows in a table are not a publication.
bob> LISTEN commons
ann> CREATE TEMPORARY TABLE mine (x int)
ann> INSERT INTO team.secret VALUES (1)
bob! notices 0
bob> SELECT pg_notify('commons', 'from a function')
bob! notices 1
----
bob: pg_notify
bob: 
bob: [commons] from a function
