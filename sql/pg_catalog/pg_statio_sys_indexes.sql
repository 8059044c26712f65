-- As pg_statio_all_indexes, for sys indexes only.
SELECT *
FROM pg_catalog.pg_statio_all_indexes
WHERE schemaname IN ('pg_catalog', 'information_schema')
