-- Fields of composite types the current user owns or may use.
SELECT pg_catalog.current_database() AS udt_catalog,
       n.nspname AS udt_schema,
       c.relname AS udt_name,
       a.attname AS attribute_name,
       a.attnum::integer AS ordinal_position,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid)::varchar AS attribute_default,
       CASE WHEN a.attnotnull OR (t.typtype = 'd' AND t.typnotnull) THEN 'NO' ELSE 'YES' END::varchar
           AS is_nullable,
       CASE WHEN t.typtype = 'd' THEN
                CASE WHEN b.typelem <> 0 AND b.typlen = -1 THEN 'ARRAY'
                     WHEN nb.nspname = 'pg_catalog' THEN pg_catalog.format_type(t.typbasetype, NULL)
                     ELSE 'USER-DEFINED' END
            WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'ARRAY'
            WHEN nt.nspname = 'pg_catalog' THEN pg_catalog.format_type(a.atttypid, NULL)
            ELSE 'USER-DEFINED'
       END::varchar AS data_type,
       information_schema._pg_char_max_length(a.type, a.typmod) AS character_maximum_length,
       information_schema._pg_char_octet_length(a.type, a.typmod) AS character_octet_length,
       NULL::name AS character_set_catalog,
       NULL::name AS character_set_schema,
       NULL::name AS character_set_name,
       CASE WHEN co.oid IS NOT NULL THEN pg_catalog.current_database() END AS collation_catalog,
       CASE WHEN co.oid IS NOT NULL THEN nco.nspname END AS collation_schema,
       co.collname AS collation_name,
       information_schema._pg_numeric_precision(a.type, a.typmod) AS numeric_precision,
       information_schema._pg_numeric_precision_radix(a.type, a.typmod) AS numeric_precision_radix,
       information_schema._pg_numeric_scale(a.type, a.typmod) AS numeric_scale,
       information_schema._pg_datetime_precision(a.type, a.typmod) AS datetime_precision,
       NULL::varchar AS interval_type,
       NULL::integer AS interval_precision,
       pg_catalog.current_database() AS attribute_udt_catalog,
       CASE WHEN t.typtype = 'd' THEN nb.nspname ELSE nt.nspname END AS attribute_udt_schema,
       CASE WHEN t.typtype = 'd' THEN b.typname ELSE t.typname END AS attribute_udt_name,
       NULL::name AS scope_catalog,
       NULL::name AS scope_schema,
       NULL::name AS scope_name,
       NULL::integer AS maximum_cardinality,
       a.attnum::text::name AS dtd_identifier,
       'NO'::varchar AS is_derived_reference_attribute
FROM (SELECT x.*,
             CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE x.atttypid END AS type,
             CASE WHEN y.typtype = 'd' THEN y.typtypmod ELSE x.atttypmod END AS typmod
      FROM pg_catalog.pg_attribute x
      JOIN pg_catalog.pg_type y ON y.oid = x.atttypid) a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace nt ON nt.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_namespace nb ON nb.oid = b.typnamespace
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation AND co.collname <> 'default'
LEFT JOIN pg_catalog.pg_namespace nco ON nco.oid = co.collnamespace
WHERE a.attnum > 0
  AND NOT a.attisdropped
  AND c.relkind = 'c'
  AND (pg_catalog.pg_has_role(c.relowner, 'USAGE')
       OR pg_catalog.has_type_privilege(c.reltype, 'USAGE'))
