-- Constraints of the tables the current user owns or holds some privilege on beside SELECT. NOT NULL
-- counts as a check, as in the standard.
SELECT pg_catalog.current_database() AS constraint_catalog,
       nk.nspname AS constraint_schema,
       k.conname AS constraint_name,
       pg_catalog.current_database() AS table_catalog,
       n.nspname AS table_schema,
       c.relname AS table_name,
       CASE k.contype
           WHEN 'c' THEN 'CHECK'
           WHEN 'f' THEN 'FOREIGN KEY'
           WHEN 'p' THEN 'PRIMARY KEY'
           WHEN 'u' THEN 'UNIQUE'
       END::varchar AS constraint_type,
       CASE WHEN k.condeferrable THEN 'YES' ELSE 'NO' END::varchar AS is_deferrable,
       CASE WHEN k.condeferred THEN 'YES' ELSE 'NO' END::varchar AS initially_deferred,
       'YES'::varchar AS enforced,
       CASE WHEN k.contype = 'u'
            THEN CASE WHEN i.indnullsnotdistinct THEN 'NO' ELSE 'YES' END
       END::varchar AS nulls_distinct
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_namespace nk ON nk.oid = k.connamespace
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = k.conindid
WHERE k.contype IN ('c', 'f', 'p', 'u')
  AND c.relkind IN ('r', 'p')
  AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)
  AND (pg_catalog.pg_has_role(c.relowner, 'USAGE')
       OR pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
       OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES'))
UNION ALL
SELECT pg_catalog.current_database(),
       n.nspname,
       (n.oid::text || '_' || c.oid::text || '_' || a.attnum::text || '_not_null')::name,
       pg_catalog.current_database(),
       n.nspname,
       c.relname,
       'CHECK'::varchar,
       'NO'::varchar,
       'NO'::varchar,
       'YES'::varchar,
       NULL::varchar
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnotnull
  AND a.attnum > 0
  AND NOT a.attisdropped
  AND c.relkind IN ('r', 'p')
  AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)
  AND (pg_catalog.pg_has_role(c.relowner, 'USAGE')
       OR pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
       OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES'))
