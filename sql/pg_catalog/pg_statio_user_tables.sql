-- As pg_statio_all_tables, for user tables only.
SELECT *
FROM pg_catalog.pg_statio_all_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
