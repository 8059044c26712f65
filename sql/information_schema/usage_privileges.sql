-- USAGE of collations, domains, foreign-data wrappers, foreign servers and sequences, as far as
-- granted to or by the current user's roles or to PUBLIC.
SELECT a.rolname AS grantor,
       'PUBLIC'::name AS grantee,
       pg_catalog.current_database() AS object_catalog,
       n.nspname AS object_schema,
       c.collname AS object_name,
       'COLLATION'::varchar AS object_type,
       'USAGE'::varchar AS privilege_type,
       'NO'::varchar AS is_grantable
FROM pg_catalog.pg_collation c
JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
JOIN pg_catalog.pg_authid a ON a.oid = c.collowner
WHERE c.collencoding IN (-1, 6)
UNION ALL
SELECT gr.rolname,
       coalesce(ge.rolname, 'PUBLIC')::name,
       pg_catalog.current_database(),
       o.schema,
       o.name,
       o.kind,
       'USAGE'::varchar,
       CASE WHEN o.is_grantable OR pg_catalog.pg_has_role(o.grantee, o.owner, 'USAGE')
            THEN 'YES' ELSE 'NO' END::varchar
FROM (SELECT n.nspname AS schema, t.typname AS name, 'DOMAIN'::varchar AS kind, t.typowner AS owner,
             x.grantor, x.grantee, x.privilege_type, x.is_grantable
      FROM pg_catalog.pg_type t
      JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
      CROSS JOIN LATERAL pg_catalog.aclexplode(
          coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner))) x
      WHERE t.typtype = 'd'
      UNION ALL
      SELECT ''::name, w.fdwname, 'FOREIGN DATA WRAPPER'::varchar, w.fdwowner,
             x.grantor, x.grantee, x.privilege_type, x.is_grantable
      FROM pg_catalog.pg_foreign_data_wrapper w
      CROSS JOIN LATERAL pg_catalog.aclexplode(
          coalesce(w.fdwacl, pg_catalog.acldefault('F', w.fdwowner))) x
      UNION ALL
      SELECT ''::name, s.srvname, 'FOREIGN SERVER'::varchar, s.srvowner,
             x.grantor, x.grantee, x.privilege_type, x.is_grantable
      FROM pg_catalog.pg_foreign_server s
      CROSS JOIN LATERAL pg_catalog.aclexplode(
          coalesce(s.srvacl, pg_catalog.acldefault('S', s.srvowner))) x
      UNION ALL
      SELECT n.nspname, c.relname, 'SEQUENCE'::varchar, c.relowner,
             x.grantor, x.grantee, x.privilege_type, x.is_grantable
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN LATERAL pg_catalog.aclexplode(
          coalesce(c.relacl, pg_catalog.acldefault('s', c.relowner))) x
      WHERE c.relkind = 'S') o
JOIN pg_catalog.pg_authid gr ON gr.oid = o.grantor
LEFT JOIN pg_catalog.pg_authid ge ON ge.oid = o.grantee
WHERE o.privilege_type = 'USAGE'
  AND (o.grantee = 0 OR ge.rolname IS NOT NULL)
  AND (pg_catalog.pg_has_role(o.grantor, 'USAGE') OR o.grantee = 0
       OR pg_catalog.pg_has_role(o.grantee, 'USAGE'))
