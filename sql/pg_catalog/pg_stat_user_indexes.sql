-- As pg_stat_all_indexes, for user indexes only.
SELECT *
FROM pg_catalog.pg_stat_all_indexes
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
