-- Roles, without their secrets.
SELECT a.rolname,
       a.rolsuper,
       a.rolinherit,
       a.rolcreaterole,
       a.rolcreatedb,
       a.rolcanlogin,
       a.rolreplication,
       a.rolconnlimit,
       '********'::text AS rolpassword,
       a.rolvaliduntil,
       a.rolbypassrls,
       s.setconfig AS rolconfig,
       a.oid
FROM pg_catalog.pg_authid a
LEFT JOIN pg_catalog.pg_db_role_setting s ON a.oid = s.setrole AND s.setdatabase = 0
