-- Options of columns of files served in place.
SELECT pg_catalog.current_database() AS table_catalog,
       c.nspname AS table_schema,
       c.relname AS table_name,
       c.attname AS column_name,
       pg_catalog.split_part(c.entry, '=', 1)::name AS option_name,
       pg_catalog.substr(c.entry, pg_catalog.strpos(c.entry, '=') + 1)::varchar AS option_value
FROM (SELECT nspname, relname, attname, unnest(attfdwoptions) AS entry
      FROM information_schema._pg_foreign_table_columns) c
