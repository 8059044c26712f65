-- USAGE of composite, enum and other types, granted to or by the current user's roles or to PUBLIC.
SELECT gr.rolname AS grantor,
       coalesce(ge.rolname, 'PUBLIC')::name AS grantee,
       pg_catalog.current_database() AS udt_catalog,
       n.nspname AS udt_schema,
       t.typname AS udt_name,
       'TYPE USAGE'::varchar AS privilege_type,
       CASE WHEN x.is_grantable OR pg_catalog.pg_has_role(x.grantee, t.typowner, 'USAGE')
            THEN 'YES' ELSE 'NO' END::varchar AS is_grantable
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
CROSS JOIN LATERAL pg_catalog.aclexplode(
    coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner))) x
JOIN pg_catalog.pg_authid gr ON gr.oid = x.grantor
LEFT JOIN pg_catalog.pg_authid ge ON ge.oid = x.grantee
WHERE t.typtype = 'c'
  AND x.privilege_type = 'USAGE'
  AND (x.grantee = 0 OR ge.rolname IS NOT NULL)
  AND (pg_catalog.pg_has_role(x.grantor, 'USAGE') OR x.grantee = 0
       OR pg_catalog.pg_has_role(x.grantee, 'USAGE'))
