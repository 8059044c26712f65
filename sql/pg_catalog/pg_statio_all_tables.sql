-- Reads of all tables: blocks are not counted.
SELECT c.oid AS relid,
       n.nspname AS schemaname,
       c.relname,
       0::bigint AS heap_blks_read,
       0::bigint AS heap_blks_hit,
       CASE WHEN c.relhasindex THEN 0::bigint END AS idx_blks_read,
       CASE WHEN c.relhasindex THEN 0::bigint END AS idx_blks_hit,
       NULL::bigint AS toast_blks_read,
       NULL::bigint AS toast_blks_hit,
       NULL::bigint AS tidx_blks_read,
       NULL::bigint AS tidx_blks_hit
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 't', 'm')
