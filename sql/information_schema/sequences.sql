-- Sequences the current user owns or holds some privilege on; those of identity columns left out.
SELECT pg_catalog.current_database() AS sequence_catalog,
       n.nspname AS sequence_schema,
       c.relname AS sequence_name,
       pg_catalog.format_type(s.seqtypid, NULL)::varchar AS data_type,
       CASE s.seqtypid WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 END AS numeric_precision,
       2 AS numeric_precision_radix,
       0 AS numeric_scale,
       s.seqstart::varchar AS start_value,
       s.seqmin::varchar AS minimum_value,
       s.seqmax::varchar AS maximum_value,
       s.seqincrement::varchar AS increment,
       CASE WHEN s.seqcycle THEN 'YES' ELSE 'NO' END::varchar AS cycle_option
FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S'
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                  WHERE d.classid = 1259 AND d.objid = s.seqrelid AND d.deptype = 'i')
  AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)
  AND (pg_catalog.pg_has_role(c.relowner, 'USAGE')
       OR pg_catalog.has_sequence_privilege(c.oid, 'SELECT, UPDATE, USAGE'))
