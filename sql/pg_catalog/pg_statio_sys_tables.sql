-- As pg_statio_all_tables, for sys tables only.
SELECT *
FROM pg_catalog.pg_statio_all_tables
WHERE schemaname IN ('pg_catalog', 'information_schema')
