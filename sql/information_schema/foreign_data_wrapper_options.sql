-- Options of foreign-data wrappers the current user owns or may use.
SELECT w.foreign_data_wrapper_catalog,
       w.foreign_data_wrapper_name,
       pg_catalog.split_part(w.entry, '=', 1)::name AS option_name,
       pg_catalog.substr(w.entry, pg_catalog.strpos(w.entry, '=') + 1)::varchar AS option_value
FROM (SELECT foreign_data_wrapper_catalog, foreign_data_wrapper_name, unnest(fdwoptions) AS entry
      FROM information_schema._pg_foreign_data_wrappers) w
