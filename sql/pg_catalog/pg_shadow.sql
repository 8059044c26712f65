-- Roles that may log in. Passwords are kept outside the catalog, so none are here.
SELECT a.rolname AS usename,
       a.oid AS usesysid,
       a.rolcreatedb AS usecreatedb,
       a.rolsuper AS usesuper,
       a.rolreplication AS userepl,
       a.rolbypassrls AS usebypassrls,
       a.rolpassword AS passwd,
       a.rolvaliduntil AS valuntil,
       s.setconfig AS useconfig
FROM pg_catalog.pg_authid a
LEFT JOIN pg_catalog.pg_db_role_setting s ON a.oid = s.setrole AND s.setdatabase = 0
WHERE a.rolcanlogin
