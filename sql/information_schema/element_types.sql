-- What the elements of array-typed columns, fields, domains, parameters and results are.
SELECT pg_catalog.current_database() AS object_catalog,
       n.nspname AS object_schema,
       x.object_name,
       x.object_type,
       x.dtd_identifier AS collection_type_identifier,
       CASE WHEN ne.nspname = 'pg_catalog' THEN pg_catalog.format_type(e.oid, NULL)
            ELSE 'USER-DEFINED'
       END::varchar AS data_type,
       NULL::integer AS character_maximum_length,
       NULL::integer AS character_octet_length,
       NULL::name AS character_set_catalog,
       NULL::name AS character_set_schema,
       NULL::name AS character_set_name,
       CASE WHEN co.oid IS NOT NULL THEN pg_catalog.current_database() END AS collation_catalog,
       CASE WHEN co.oid IS NOT NULL THEN nco.nspname END AS collation_schema,
       co.collname AS collation_name,
       NULL::integer AS numeric_precision,
       NULL::integer AS numeric_precision_radix,
       NULL::integer AS numeric_scale,
       NULL::integer AS datetime_precision,
       NULL::varchar AS interval_type,
       NULL::integer AS interval_precision,
       NULL::varchar AS domain_default,
       pg_catalog.current_database() AS udt_catalog,
       ne.nspname AS udt_schema,
       e.typname AS udt_name,
       NULL::name AS scope_catalog,
       NULL::name AS scope_schema,
       NULL::name AS scope_name,
       NULL::integer AS maximum_cardinality,
       ('a' || x.dtd_identifier)::name AS dtd_identifier
FROM (SELECT c.relnamespace AS schema,
             c.relname AS object_name,
             CASE WHEN c.relkind = 'c' THEN 'USER-DEFINED TYPE' ELSE 'TABLE' END::varchar AS object_type,
             a.attnum::text::name AS dtd_identifier,
             a.atttypid AS type,
             a.attcollation AS collation,
             c.relowner AS owner,
             CASE WHEN c.relkind = 'c' THEN pg_catalog.has_type_privilege(c.reltype, 'USAGE')
                  ELSE pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
             END AS shared
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
      WHERE c.relkind IN ('r', 'v', 'f', 'c', 'p') AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
      SELECT t.typnamespace, t.typname, 'DOMAIN'::varchar, '1'::name, t.typbasetype, t.typcollation,
             t.typowner, pg_catalog.has_type_privilege(t.oid, 'USAGE')
      FROM pg_catalog.pg_type t
      WHERE t.typtype = 'd'
      UNION ALL
      SELECT p.pronamespace, (p.proname || '_' || p.oid::text)::name, 'ROUTINE'::varchar,
             (p.n + 1)::text::name, p.types[p.n + 1], 0::oid, p.proowner,
             pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
      FROM (SELECT pronamespace, proname, oid, proowner,
                   coalesce(proallargtypes, (proargtypes::oid[])[:]) AS types,
                   generate_subscripts(coalesce(proallargtypes, (proargtypes::oid[])[:]), 1) - 1 AS n
            FROM pg_catalog.pg_proc
            WHERE proallargtypes IS NOT NULL OR pronargs > 0) p
      UNION ALL
      SELECT p.pronamespace, (p.proname || '_' || p.oid::text)::name, 'ROUTINE'::varchar, '0'::name,
             p.prorettype, 0::oid, p.proowner, pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
      FROM pg_catalog.pg_proc p) x
JOIN pg_catalog.pg_namespace n ON n.oid = x.schema
JOIN pg_catalog.pg_type t ON t.oid = x.type AND t.typelem <> 0 AND t.typlen = -1
JOIN pg_catalog.pg_type e ON e.oid = t.typelem
JOIN pg_catalog.pg_namespace ne ON ne.oid = e.typnamespace
LEFT JOIN pg_catalog.pg_collation co ON co.oid = x.collation AND co.collname <> 'default'
LEFT JOIN pg_catalog.pg_namespace nco ON nco.oid = co.collnamespace
WHERE x.shared OR pg_catalog.pg_has_role(x.owner, 'USAGE')
