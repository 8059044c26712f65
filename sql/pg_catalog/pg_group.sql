-- Roles that may not log in, with their members.
SELECT a.rolname AS groname,
       a.oid AS grosysid,
       m.members AS grolist
FROM pg_catalog.pg_authid a
LEFT JOIN (SELECT roleid, array_agg(member) AS members FROM pg_catalog.pg_auth_members GROUP BY roleid) m
       ON m.roleid = a.oid
WHERE NOT a.rolcanlogin
