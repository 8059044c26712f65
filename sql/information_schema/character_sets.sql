-- The one character set.
SELECT NULL::name AS character_set_catalog,
       NULL::name AS character_set_schema,
       pg_catalog.pg_encoding_to_char(d.encoding) AS character_set_name,
       'UCS'::name AS character_repertoire,
       pg_catalog.pg_encoding_to_char(d.encoding) AS form_of_use,
       pg_catalog.current_database() AS default_collate_catalog,
       NULL::name AS default_collate_schema,
       NULL::name AS default_collate_name
FROM pg_catalog.pg_database d
WHERE d.datname = pg_catalog.current_database()
