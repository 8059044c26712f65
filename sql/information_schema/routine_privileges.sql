-- EXECUTE of functions, granted to or by the current user's roles or to PUBLIC.
SELECT gr.rolname AS grantor,
       coalesce(ge.rolname, 'PUBLIC')::name AS grantee,
       pg_catalog.current_database() AS specific_catalog,
       n.nspname AS specific_schema,
       (p.proname || '_' || p.oid::text)::name AS specific_name,
       pg_catalog.current_database() AS routine_catalog,
       n.nspname AS routine_schema,
       p.proname AS routine_name,
       'EXECUTE'::varchar AS privilege_type,
       CASE WHEN x.is_grantable OR pg_catalog.pg_has_role(x.grantee, p.proowner, 'USAGE')
            THEN 'YES' ELSE 'NO' END::varchar AS is_grantable
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
CROSS JOIN LATERAL pg_catalog.aclexplode(
    coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) x
JOIN pg_catalog.pg_authid gr ON gr.oid = x.grantor
LEFT JOIN pg_catalog.pg_authid ge ON ge.oid = x.grantee
WHERE x.privilege_type = 'EXECUTE'
  AND (x.grantee = 0 OR ge.rolname IS NOT NULL)
  AND (pg_catalog.pg_has_role(x.grantor, 'USAGE') OR x.grantee = 0
       OR pg_catalog.pg_has_role(x.grantee, 'USAGE'))
