-- As pg_stat_all_indexes, for sys indexes only.
SELECT *
FROM pg_catalog.pg_stat_all_indexes
WHERE schemaname IN ('pg_catalog', 'information_schema')
