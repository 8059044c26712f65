-- Grants on types by or to the current user's roles, PUBLIC left out.
SELECT p.grantor,
       p.grantee,
       p.udt_catalog,
       p.udt_schema,
       p.udt_name,
       p.privilege_type,
       p.is_grantable
FROM information_schema.udt_privileges p
WHERE p.grantee IN (SELECT role_name FROM information_schema.enabled_roles)
   OR p.grantor IN (SELECT role_name FROM information_schema.enabled_roles)
