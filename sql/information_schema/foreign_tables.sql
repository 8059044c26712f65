-- Files served in place, those the current user owns or holds some privilege on.
SELECT f.foreign_table_catalog,
       f.foreign_table_schema,
       f.foreign_table_name,
       f.foreign_server_catalog,
       f.foreign_server_name
FROM information_schema._pg_foreign_tables f
