-- Policies, one row each.
SELECT n.nspname AS schemaname,
       c.relname AS tablename,
       pol.polname AS policyname,
       CASE WHEN pol.polpermissive THEN 'PERMISSIVE'::text ELSE 'RESTRICTIVE'::text END
           AS permissive,
       CASE
           WHEN pol.polroles = '{0}'::oid[] THEN '{public}'::name[]
           ELSE ARRAY(
               SELECT a.rolname
               FROM pg_catalog.pg_authid a
               WHERE a.oid = ANY (pol.polroles)
               ORDER BY a.rolname
           )
       END AS roles,
       CASE pol.polcmd
           WHEN 'r' THEN 'SELECT'::text
           WHEN 'a' THEN 'INSERT'::text
           WHEN 'w' THEN 'UPDATE'::text
           WHEN 'd' THEN 'DELETE'::text
           WHEN '*' THEN 'ALL'::text
       END AS cmd,
       pg_catalog.pg_get_expr(pol.polqual, pol.polrelid) AS qual,
       pg_catalog.pg_get_expr(pol.polwithcheck, pol.polrelid) AS with_check
FROM pg_catalog.pg_policy pol
JOIN pg_catalog.pg_class c ON c.oid = pol.polrelid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
