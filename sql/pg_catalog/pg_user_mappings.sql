-- User mappings, without their options.
SELECT u.oid AS umid,
       s.oid AS srvid,
       s.srvname,
       u.umuser,
       CASE WHEN u.umuser = 0 THEN 'public'::name ELSE a.rolname END AS usename,
       NULL::text[] AS umoptions
FROM pg_catalog.pg_user_mapping u
JOIN pg_catalog.pg_foreign_server s ON s.oid = u.umserver
LEFT JOIN pg_catalog.pg_authid a ON a.oid = u.umuser
