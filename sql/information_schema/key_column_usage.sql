-- Columns of keys and foreign keys, of the tables the current user owns or holds some privilege on.
SELECT pg_catalog.current_database() AS constraint_catalog,
       nk.nspname AS constraint_schema,
       k.conname AS constraint_name,
       pg_catalog.current_database() AS table_catalog,
       n.nspname AS table_schema,
       c.relname AS table_name,
       a.attname AS column_name,
       k.place AS ordinal_position,
       CASE WHEN k.contype = 'f'
            THEN pg_catalog.array_position(k.indexed, k.refers)
       END AS position_in_unique_constraint
FROM (SELECT s.conname,
             s.connamespace,
             s.conrelid,
             s.contype,
             (i.indkey::int2[])[:] AS indexed,
             unnest(s.conkey) AS attnum,
             unnest(s.confkey) AS refers,
             generate_subscripts(s.conkey, 1) AS place
      FROM pg_catalog.pg_constraint s
      LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = s.conindid
      WHERE s.contype IN ('p', 'u', 'f')) k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_namespace nk ON nk.oid = k.connamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.attnum
WHERE NOT a.attisdropped
  AND c.relkind IN ('r', 'p')
  AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)
  AND (pg_catalog.pg_has_role(c.relowner, 'USAGE')
       OR pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT, INSERT, UPDATE, REFERENCES'))
