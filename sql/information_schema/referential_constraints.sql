-- Foreign keys of the tables the current user owns or holds some privilege on beside SELECT.
SELECT pg_catalog.current_database() AS constraint_catalog,
       n.nspname AS constraint_schema,
       k.conname AS constraint_name,
       CASE WHEN u.conname IS NOT NULL THEN pg_catalog.current_database() END
           AS unique_constraint_catalog,
       nu.nspname AS unique_constraint_schema,
       u.conname AS unique_constraint_name,
       CASE k.confmatchtype WHEN 'f' THEN 'FULL' WHEN 'p' THEN 'PARTIAL' WHEN 's' THEN 'NONE'
       END::varchar AS match_option,
       CASE k.confupdtype
           WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT'
           WHEN 'r' THEN 'RESTRICT' WHEN 'a' THEN 'NO ACTION'
       END::varchar AS update_rule,
       CASE k.confdeltype
           WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT'
           WHEN 'r' THEN 'RESTRICT' WHEN 'a' THEN 'NO ACTION'
       END::varchar AS delete_rule
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
LEFT JOIN pg_catalog.pg_constraint u
    ON u.conindid = k.conindid AND u.conrelid = k.confrelid AND u.contype IN ('p', 'u')
LEFT JOIN pg_catalog.pg_namespace nu ON nu.oid = u.connamespace
WHERE k.contype = 'f'
  AND (pg_catalog.pg_has_role(c.relowner, 'USAGE')
       OR pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
       OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES'))
