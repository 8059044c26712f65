-- Tables that keys and foreign keys are about (those referred to, of a foreign key), as far as the
-- current user owns them.
SELECT pg_catalog.current_database() AS table_catalog,
       n.nspname AS table_schema,
       c.relname AS table_name,
       pg_catalog.current_database() AS constraint_catalog,
       nk.nspname AS constraint_schema,
       k.conname AS constraint_name
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_namespace nk ON nk.oid = k.connamespace
JOIN pg_catalog.pg_class c ON c.oid = CASE k.contype WHEN 'f' THEN k.confrelid ELSE k.conrelid END
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype IN ('f', 'p', 'u')
  AND c.relkind IN ('r', 'p')
  AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
