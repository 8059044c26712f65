-- Materialized views, with the SELECT behind each.
SELECT n.nspname AS schemaname,
       c.relname AS matviewname,
       pg_catalog.pg_get_userbyid(c.relowner) AS matviewowner,
       NULL::name AS tablespace,
       c.relhasindex AS hasindexes,
       c.relispopulated AS ispopulated,
       pg_catalog.pg_get_viewdef(c.oid) AS definition
FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm'
