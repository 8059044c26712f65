-- As pg_statio_all_sequences, for sys sequences only.
SELECT *
FROM pg_catalog.pg_statio_all_sequences
WHERE schemaname IN ('pg_catalog', 'information_schema')
