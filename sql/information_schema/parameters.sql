-- Parameters of the functions the current user owns or may execute.
SELECT pg_catalog.current_database() AS specific_catalog,
       n.nspname AS specific_schema,
       (p.proname || '_' || p.oid::text)::name AS specific_name,
       p.place AS ordinal_position,
       CASE coalesce(p.modes[p.place], 'i')
           WHEN 'i' THEN 'IN' WHEN 'o' THEN 'OUT' WHEN 'b' THEN 'INOUT' WHEN 'v' THEN 'IN'
           WHEN 't' THEN 'OUT'
       END::varchar AS parameter_mode,
       'NO'::varchar AS is_result,
       'NO'::varchar AS as_locator,
       nullif(p.names[p.place], '')::name AS parameter_name,
       CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'ARRAY'
            WHEN nt.nspname = 'pg_catalog' THEN pg_catalog.format_type(t.oid, NULL)
            ELSE 'USER-DEFINED'
       END::varchar AS data_type,
       NULL::integer AS character_maximum_length,
       NULL::integer AS character_octet_length,
       NULL::name AS character_set_catalog,
       NULL::name AS character_set_schema,
       NULL::name AS character_set_name,
       NULL::name AS collation_catalog,
       NULL::name AS collation_schema,
       NULL::name AS collation_name,
       NULL::integer AS numeric_precision,
       NULL::integer AS numeric_precision_radix,
       NULL::integer AS numeric_scale,
       NULL::integer AS datetime_precision,
       NULL::varchar AS interval_type,
       NULL::integer AS interval_precision,
       pg_catalog.current_database() AS udt_catalog,
       nt.nspname AS udt_schema,
       t.typname AS udt_name,
       NULL::name AS scope_catalog,
       NULL::name AS scope_schema,
       NULL::name AS scope_name,
       NULL::integer AS maximum_cardinality,
       p.place::text::name AS dtd_identifier,
       CASE WHEN pg_catalog.pg_has_role(p.proowner, 'USAGE')
            THEN pg_catalog.pg_get_function_arg_default(p.oid, p.place)
       END::varchar AS parameter_default
FROM (SELECT oid, proname, pronamespace, proowner, proargmodes AS modes, proargnames AS names,
             coalesce(proallargtypes, (proargtypes::oid[])[:]) AS types,
             generate_subscripts(coalesce(proallargtypes, (proargtypes::oid[])[:]), 1) AS place
      FROM pg_catalog.pg_proc
      WHERE proallargtypes IS NOT NULL OR pronargs > 0) p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_type t ON t.oid = p.types[p.place]
JOIN pg_catalog.pg_namespace nt ON nt.oid = t.typnamespace
WHERE pg_catalog.pg_has_role(p.proowner, 'USAGE')
   OR pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
