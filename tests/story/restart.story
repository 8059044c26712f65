# A kill -9 and a start later everything acknowledged is there, and nothing else.

commons> CREATE ROLE ann LOGIN PASSWORD 'ann'
commons> ALTER ROLE ann SET statement_timeout = '90s'
commons> CREATE TABLE public.numbers (i int, t text, n numeric(8,2), d date, ts timestamptz, b bytea, f double precision)
commons> INSERT INTO public.numbers VALUES (1, 'one', 1.50, '2024-02-29', '2024-02-29 12:00:00.25+02', '\x00ff', 0.1), (NULL, NULL, NULL, NULL, NULL, NULL, NULL)
commons> GRANT SELECT ON public.numbers TO ann
commons> COMMENT ON COLUMN public.numbers.n IS 'money'
commons> ALTER TABLE public.numbers RENAME COLUMN i TO id
commons> CREATE TEMPORARY TABLE scratch (x int)
ann> BEGIN
ann> CREATE TABLE unfinished (x int)
ann> INSERT INTO unfinished VALUES (1)
server! kill
server! start
ann> SELECT * FROM public.numbers ORDER BY id
ann> SELECT * FROM unfinished
ann> SHOW statement_timeout
commons> SELECT * FROM scratch
commons> SELECT col_description('public.numbers'::regclass, 3)
commons> DELETE FROM public.numbers WHERE id = 1
server! kill
server! start
commons> SELECT count(*) FROM public.numbers
----
ann: id | t | n | d | ts | b | f
ann: 1 | one | 1.50 | 2024-02-29 | 2024-02-29 10:00:00.25+00 | \x00ff | 0.1
ann: NULL | NULL | NULL | NULL | NULL | NULL | NULL
ann: ERROR 42P01: relation "unfinished" does not exist
ann: statement_timeout
ann: 90s
commons: ERROR 42P01: relation "scratch" does not exist
commons: col_description
commons: money
commons: count
commons: 1
