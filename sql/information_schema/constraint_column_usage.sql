-- Columns that constraints are about (those referred to, of a foreign key), in tables the current
-- user owns.
SELECT pg_catalog.current_database() AS table_catalog,
       n.nspname AS table_schema,
       c.relname AS table_name,
       a.attname AS column_name,
       pg_catalog.current_database() AS constraint_catalog,
       nk.nspname AS constraint_schema,
       k.conname AS constraint_name
FROM (SELECT conname,
             connamespace,
             CASE contype WHEN 'f' THEN confrelid ELSE conrelid END AS relid,
             unnest(CASE contype WHEN 'f' THEN confkey ELSE conkey END) AS attnum
      FROM pg_catalog.pg_constraint
      WHERE contype IN ('c', 'f', 'p', 'u') AND conrelid <> 0) k
JOIN pg_catalog.pg_class c ON c.oid = k.relid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.relid AND a.attnum = k.attnum
JOIN pg_catalog.pg_namespace nk ON nk.oid = k.connamespace
WHERE NOT a.attisdropped
  AND c.relkind IN ('r', 'p')
  AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
