-- The database, by name.
SELECT pg_catalog.current_database() AS catalog_name
