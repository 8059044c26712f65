-- Options of foreign servers the current user owns or may use.
SELECT s.foreign_server_catalog,
       s.foreign_server_name,
       pg_catalog.split_part(s.entry, '=', 1)::name AS option_name,
       pg_catalog.substr(s.entry, pg_catalog.strpos(s.entry, '=') + 1)::varchar AS option_value
FROM (SELECT foreign_server_catalog, foreign_server_name, unnest(srvoptions) AS entry
      FROM information_schema._pg_foreign_servers) s
