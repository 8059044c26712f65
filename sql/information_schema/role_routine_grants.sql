-- Grants on functions by or to the current user's roles, PUBLIC left out.
SELECT p.grantor,
       p.grantee,
       p.specific_catalog,
       p.specific_schema,
       p.specific_name,
       p.routine_catalog,
       p.routine_schema,
       p.routine_name,
       p.privilege_type,
       p.is_grantable
FROM information_schema.routine_privileges p
WHERE p.grantee IN (SELECT role_name FROM information_schema.enabled_roles)
   OR p.grantor IN (SELECT role_name FROM information_schema.enabled_roles)
