-- Memberships of the current user, direct and indirect.
SELECT b.rolname AS grantee,
       a.rolname AS role_name,
       CASE WHEN m.admin_option OR b.oid = a.oid THEN 'YES' ELSE 'NO' END::varchar AS is_grantable
FROM pg_catalog.pg_auth_members m
JOIN pg_catalog.pg_authid a ON m.roleid = a.oid
JOIN pg_catalog.pg_authid b ON m.member = b.oid
WHERE pg_catalog.pg_has_role(b.oid, 'USAGE')
