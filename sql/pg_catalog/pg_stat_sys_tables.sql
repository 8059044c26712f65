-- Statistics of sys tables: rows now there. Scans and changes are not counted.
SELECT *
FROM pg_catalog.pg_stat_all_tables
WHERE schemaname IN ('pg_catalog', 'information_schema')
