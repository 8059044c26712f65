-- Options of files served in place, those the current user owns or holds some privilege on.
SELECT f.foreign_table_catalog,
       f.foreign_table_schema,
       f.foreign_table_name,
       pg_catalog.split_part(f.entry, '=', 1)::name AS option_name,
       pg_catalog.substr(f.entry, pg_catalog.strpos(f.entry, '=') + 1)::varchar AS option_value
FROM (SELECT foreign_table_catalog, foreign_table_schema, foreign_table_name, unnest(ftoptions) AS entry
      FROM information_schema._pg_foreign_tables) f
