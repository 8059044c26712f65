-- Which character set each collation is for.
SELECT pg_catalog.current_database() AS collation_catalog,
       n.nspname AS collation_schema,
       c.collname AS collation_name,
       NULL::name AS character_set_catalog,
       NULL::name AS character_set_schema,
       pg_catalog.getdatabaseencoding() AS character_set_name
FROM pg_catalog.pg_collation c
JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
WHERE c.collencoding IN (-1, 6)
