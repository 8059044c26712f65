-- User mappings the current user may see.
SELECT m.authorization_identifier,
       m.foreign_server_catalog,
       m.foreign_server_name
FROM information_schema._pg_user_mappings m
