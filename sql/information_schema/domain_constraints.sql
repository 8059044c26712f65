-- Constraints of domains the current user owns or may use.
SELECT pg_catalog.current_database() AS constraint_catalog,
       nk.nspname AS constraint_schema,
       k.conname AS constraint_name,
       pg_catalog.current_database() AS domain_catalog,
       n.nspname AS domain_schema,
       t.typname AS domain_name,
       CASE WHEN k.condeferrable THEN 'YES' ELSE 'NO' END::varchar AS is_deferrable,
       CASE WHEN k.condeferred THEN 'YES' ELSE 'NO' END::varchar AS initially_deferred
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_namespace nk ON nk.oid = k.connamespace
JOIN pg_catalog.pg_type t ON t.oid = k.contypid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE pg_catalog.pg_has_role(t.typowner, 'USAGE')
   OR pg_catalog.has_type_privilege(t.oid, 'USAGE')
