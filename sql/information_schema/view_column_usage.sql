-- The columns that views read, of what the current user owns.
SELECT DISTINCT pg_catalog.current_database() AS view_catalog,
       nv.nspname AS view_schema,
       v.relname AS view_name,
       pg_catalog.current_database() AS table_catalog,
       nt.nspname AS table_schema,
       t.relname AS table_name,
       a.attname AS column_name
FROM pg_catalog.pg_rewrite r
JOIN pg_catalog.pg_class v ON v.oid = r.ev_class
JOIN pg_catalog.pg_namespace nv ON nv.oid = v.relnamespace
JOIN pg_catalog.pg_depend d ON d.classid = 2618 AND d.objid = r.oid AND d.refclassid = 1259
JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
JOIN pg_catalog.pg_namespace nt ON nt.oid = t.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE v.oid <> t.oid
  AND v.relkind = 'v'
  AND t.relkind IN ('r', 'v', 'f', 'p')
  AND pg_catalog.pg_has_role(t.relowner, 'USAGE')
