-- Columns of the tables and views the current user owns or holds some privilege on.
SELECT pg_catalog.current_database() AS table_catalog,
       n.nspname AS table_schema,
       c.relname AS table_name,
       a.attname AS column_name,
       a.attnum::integer AS ordinal_position,
       CASE WHEN a.attgenerated <> 's' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid)
       END::varchar AS column_default,
       CASE WHEN a.attnotnull OR (t.typtype = 'd' AND t.typnotnull) THEN 'NO' ELSE 'YES'
       END::varchar AS is_nullable,
       CASE WHEN t.typtype = 'd' THEN
                CASE WHEN b.typelem <> 0 AND b.typlen = -1 THEN 'ARRAY'
                     WHEN nb.nspname = 'pg_catalog' THEN pg_catalog.format_type(b.oid, NULL)
                     ELSE 'USER-DEFINED' END
            WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'ARRAY'
            WHEN nt.nspname = 'pg_catalog' THEN pg_catalog.format_type(t.oid, NULL)
            ELSE 'USER-DEFINED'
       END::varchar AS data_type,
       information_schema._pg_char_max_length(a.type, a.typmod) AS character_maximum_length,
       information_schema._pg_char_octet_length(a.type, a.typmod) AS character_octet_length,
       information_schema._pg_numeric_precision(a.type, a.typmod) AS numeric_precision,
       information_schema._pg_numeric_precision_radix(a.type, a.typmod) AS numeric_precision_radix,
       information_schema._pg_numeric_scale(a.type, a.typmod) AS numeric_scale,
       information_schema._pg_datetime_precision(a.type, a.typmod) AS datetime_precision,
       information_schema._pg_interval_type(a.type, a.typmod) AS interval_type,
       NULL::integer AS interval_precision,
       NULL::name AS character_set_catalog,
       NULL::name AS character_set_schema,
       NULL::name AS character_set_name,
       CASE WHEN co.oid IS NOT NULL THEN pg_catalog.current_database() END AS collation_catalog,
       CASE WHEN co.oid IS NOT NULL THEN nco.nspname END AS collation_schema,
       co.collname AS collation_name,
       CASE WHEN t.typtype = 'd' THEN pg_catalog.current_database() END AS domain_catalog,
       CASE WHEN t.typtype = 'd' THEN nt.nspname END AS domain_schema,
       CASE WHEN t.typtype = 'd' THEN t.typname END AS domain_name,
       pg_catalog.current_database() AS udt_catalog,
       coalesce(nb.nspname, nt.nspname) AS udt_schema,
       coalesce(b.typname, t.typname) AS udt_name,
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
       CASE WHEN c.relkind IN ('r', 'p')
                 OR c.relkind IN ('v', 'f')
                    AND pg_catalog.pg_column_is_updatable(c.oid, a.attnum, false)
            THEN 'YES' ELSE 'NO' END::varchar AS is_updatable
FROM (SELECT x.attrelid, x.attname, x.attnum, x.atttypid, x.attnotnull, x.attidentity,
             x.attgenerated, x.attcollation,
             CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE x.atttypid END AS type,
             CASE WHEN y.typtype = 'd' THEN y.typtypmod ELSE x.atttypmod END AS typmod
      FROM pg_catalog.pg_attribute x
      JOIN pg_catalog.pg_type y ON y.oid = x.atttypid
      WHERE x.attnum > 0 AND NOT x.attisdropped) a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace nt ON nt.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_namespace nb ON nb.oid = b.typnamespace
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation AND co.collname <> 'default'
LEFT JOIN pg_catalog.pg_namespace nco ON nco.oid = co.collnamespace
LEFT JOIN pg_catalog.pg_depend o
    ON o.refobjid = a.attrelid AND o.refobjsubid = a.attnum AND o.deptype = 'i'
    AND o.classid = 1259 AND o.refclassid = 1259 AND a.attidentity <> ''
LEFT JOIN pg_catalog.pg_sequence s ON s.seqrelid = o.objid
WHERE c.relkind IN ('r', 'v', 'f', 'p')
  AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)
  AND (pg_catalog.pg_has_role(c.relowner, 'USAGE')
       OR pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT, INSERT, UPDATE, REFERENCES'))
