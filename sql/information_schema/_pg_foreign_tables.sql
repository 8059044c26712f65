-- Files served in place, those the current user owns or holds some privilege on, with their options.
SELECT pg_catalog.current_database() AS foreign_table_catalog,
       n.nspname AS foreign_table_schema,
       c.relname AS foreign_table_name,
       f.ftoptions,
       pg_catalog.current_database() AS foreign_server_catalog,
       s.srvname AS foreign_server_name,
       a.rolname AS authorization_identifier
FROM pg_catalog.pg_foreign_table f
JOIN pg_catalog.pg_class c ON c.oid = f.ftrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver
JOIN pg_catalog.pg_authid a ON a.oid = c.relowner
WHERE c.relkind = 'f'
  AND (pg_catalog.pg_has_role(c.relowner, 'USAGE')
       OR pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
       OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
