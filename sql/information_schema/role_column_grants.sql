-- Grants on columns by or to the current user's roles, PUBLIC left out.
SELECT p.grantor,
       p.grantee,
       p.table_catalog,
       p.table_schema,
       p.table_name,
       p.column_name,
       p.privilege_type,
       p.is_grantable
FROM information_schema.column_privileges p
WHERE p.grantee IN (SELECT role_name FROM information_schema.enabled_roles)
   OR p.grantor IN (SELECT role_name FROM information_schema.enabled_roles)
