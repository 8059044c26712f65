-- Columns by their types, those of types the current user owns.
SELECT pg_catalog.current_database() AS udt_catalog,
       coalesce(nb.nspname, nt.nspname) AS udt_schema,
       coalesce(b.typname, t.typname) AS udt_name,
       pg_catalog.current_database() AS table_catalog,
       n.nspname AS table_schema,
       c.relname AS table_name,
       a.attname AS column_name
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace nt ON nt.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_namespace nb ON nb.oid = b.typnamespace
WHERE a.attnum > 0
  AND NOT a.attisdropped
  AND c.relkind IN ('r', 'v', 'f', 'p')
  AND pg_catalog.pg_has_role(coalesce(b.typowner, t.typowner), 'USAGE')
