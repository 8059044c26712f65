-- As pg_statio_all_sequences, for user sequences only.
SELECT *
FROM pg_catalog.pg_statio_all_sequences
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
