-- Options of user mappings; their values only for the user they are of.
SELECT m.authorization_identifier,
       m.foreign_server_catalog,
       m.foreign_server_name,
       pg_catalog.split_part(m.entry, '=', 1)::name AS option_name,
       CASE WHEN m.authorization_identifier = current_user
            THEN pg_catalog.substr(m.entry, pg_catalog.strpos(m.entry, '=') + 1)
       END::varchar AS option_value
FROM (SELECT authorization_identifier, foreign_server_catalog, foreign_server_name,
             unnest(umoptions) AS entry
      FROM information_schema._pg_user_mappings) m
