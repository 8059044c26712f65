-- Everything with a type description the current user may see.
SELECT pg_catalog.current_database() AS object_catalog,
       x.object_schema,
       x.object_name,
       x.object_type,
       x.dtd_identifier
FROM (SELECT udt_schema AS object_schema, udt_name AS object_name,
             'USER-DEFINED TYPE'::varchar AS object_type, dtd_identifier
      FROM information_schema.attributes
      UNION ALL
      SELECT table_schema, table_name, 'TABLE'::varchar, dtd_identifier
      FROM information_schema.columns
      UNION ALL
      SELECT domain_schema, domain_name, 'DOMAIN'::varchar, dtd_identifier
      FROM information_schema.domains
      UNION ALL
      SELECT specific_schema, specific_name, 'ROUTINE'::varchar, dtd_identifier
      FROM information_schema.parameters
      UNION ALL
      SELECT specific_schema, specific_name, 'ROUTINE'::varchar, dtd_identifier
      FROM information_schema.routines) x
