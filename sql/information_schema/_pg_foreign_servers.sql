-- Foreign servers the current user owns or may use, with their OIDs.
SELECT s.oid,
       s.srvoptions,
       pg_catalog.current_database() AS foreign_server_catalog,
       s.srvname AS foreign_server_name,
       pg_catalog.current_database() AS foreign_data_wrapper_catalog,
       w.fdwname AS foreign_data_wrapper_name,
       s.srvtype::varchar AS foreign_server_type,
       s.srvversion::varchar AS foreign_server_version,
       a.rolname AS authorization_identifier
FROM pg_catalog.pg_foreign_server s
JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
JOIN pg_catalog.pg_authid a ON a.oid = s.srvowner
WHERE pg_catalog.pg_has_role(s.srvowner, 'USAGE')
   OR pg_catalog.has_server_privilege(s.srvname, 'USAGE')
