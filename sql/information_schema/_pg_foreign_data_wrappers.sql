-- Foreign-data wrappers the current user owns or may use, with their OIDs.
SELECT w.oid,
       w.fdwowner,
       w.fdwoptions,
       pg_catalog.current_database() AS foreign_data_wrapper_catalog,
       w.fdwname AS foreign_data_wrapper_name,
       a.rolname AS authorization_identifier,
       'c'::varchar AS foreign_data_wrapper_language
FROM pg_catalog.pg_foreign_data_wrapper w
JOIN pg_catalog.pg_authid a ON a.oid = w.fdwowner
WHERE pg_catalog.pg_has_role(w.fdwowner, 'USAGE')
   OR pg_catalog.has_foreign_data_wrapper_privilege(w.fdwname, 'USAGE')
