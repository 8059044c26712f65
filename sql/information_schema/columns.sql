-- Columns of the tables and views the current user owns or holds some privilege on.
SELECT pg_catalog.current_database() AS table_catalog,
       n.nspname AS table_schema,
       c.relname AS table_name,
       a.attname AS column_name,
       a.attnum::integer AS ordinal_position,
       CASE WHEN a.attgenerated <> 's' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid)
       END::varchar AS column_default,
       CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END::varchar AS is_nullable,
       CASE WHEN t.typcategory = 'A' THEN 'ARRAY'
            WHEN nt.nspname = 'pg_catalog' THEN pg_catalog.format_type(a.atttypid, NULL)
            ELSE 'USER-DEFINED'
       END::varchar AS data_type,
       CASE WHEN a.atttypid IN (1042, 1043) AND a.atttypmod > 4 THEN a.atttypmod - 4 END::integer
           AS character_maximum_length,
       CASE WHEN a.atttypid NOT IN (25, 1042, 1043) THEN NULL
            WHEN a.atttypid = 25 OR a.atttypmod < 4 THEN 1073741824
            ELSE (a.atttypmod - 4) * 4
       END::integer AS character_octet_length,
       CASE a.atttypid
           WHEN 21 THEN 16
           WHEN 23 THEN 32
           WHEN 20 THEN 64
           WHEN 700 THEN 24
           WHEN 701 THEN 53
           WHEN 1700 THEN CASE WHEN a.atttypmod > 4 THEN ((a.atttypmod - 4) / 65536) % 65536 END
       END::integer AS numeric_precision,
       CASE WHEN a.atttypid IN (20, 21, 23, 700, 701) THEN 2
            WHEN a.atttypid = 1700 THEN 10
       END::integer AS numeric_precision_radix,
       CASE WHEN a.atttypid IN (20, 21, 23) THEN 0
            WHEN a.atttypid = 1700 AND a.atttypmod > 4 THEN (a.atttypmod - 4) % 2048
       END::integer AS numeric_scale,
       CASE WHEN a.atttypid = 1082 THEN 0
            WHEN a.atttypid IN (1083, 1114, 1184, 1186) THEN 6
       END::integer AS datetime_precision,
       NULL::varchar AS interval_type,
       NULL::integer AS interval_precision,
       NULL::name AS character_set_catalog,
       NULL::name AS character_set_schema,
       NULL::name AS character_set_name,
       NULL::name AS collation_catalog,
       NULL::name AS collation_schema,
       NULL::name AS collation_name,
       NULL::name AS domain_catalog,
       NULL::name AS domain_schema,
       NULL::name AS domain_name,
       pg_catalog.current_database() AS udt_catalog,
       nt.nspname AS udt_schema,
       t.typname AS udt_name,
       NULL::name AS scope_catalog,
       NULL::name AS scope_schema,
       NULL::name AS scope_name,
       NULL::integer AS maximum_cardinality,
       a.attnum::text::name AS dtd_identifier,
       'NO'::varchar AS is_self_referencing,
       CASE WHEN a.attidentity IN ('a', 'd') THEN 'YES' ELSE 'NO' END::varchar AS is_identity,
       CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END::varchar
           AS identity_generation,
       s.seqstart::varchar AS identity_start,
       s.seqincrement::varchar AS identity_increment,
       s.seqmax::varchar AS identity_maximum,
       s.seqmin::varchar AS identity_minimum,
       CASE WHEN s.seqcycle THEN 'YES' ELSE 'NO' END::varchar AS identity_cycle,
       CASE WHEN a.attgenerated = 's' THEN 'ALWAYS' ELSE 'NEVER' END::varchar AS is_generated,
       CASE WHEN a.attgenerated = 's' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid)
       END::varchar AS generation_expression,
       CASE WHEN c.relkind = 'r' THEN 'YES' ELSE 'NO' END::varchar AS is_updatable
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace nt ON nt.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_depend o
    ON o.refobjid = a.attrelid AND o.refobjsubid = a.attnum AND o.deptype = 'i'
    AND o.classid = 1259 AND a.attidentity <> ''
LEFT JOIN pg_catalog.pg_sequence s ON s.seqrelid = o.objid
WHERE a.attnum > 0
  AND NOT a.attisdropped
  AND c.relkind IN ('r', 'v', 'f', 'p')
  AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)
  AND (pg_catalog.pg_has_role(c.relowner, 'USAGE')
       OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
