-- USAGE granted by or to the current user's roles, PUBLIC left out.
SELECT p.grantor,
       p.grantee,
       p.object_catalog,
       p.object_schema,
       p.object_name,
       p.object_type,
       p.privilege_type,
       p.is_grantable
FROM information_schema.usage_privileges p
WHERE p.grantee IN (SELECT role_name FROM information_schema.enabled_roles)
   OR p.grantor IN (SELECT role_name FROM information_schema.enabled_roles)
