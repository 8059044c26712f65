-- Roles that may log in, without their secrets.
SELECT s.usename,
       s.usesysid,
       s.usecreatedb,
       s.usesuper,
       s.userepl,
       s.usebypassrls,
       '********'::text AS passwd,
       s.valuntil,
       s.useconfig
FROM pg_catalog.pg_shadow s
