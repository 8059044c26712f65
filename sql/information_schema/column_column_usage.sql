-- Generated columns and what they are computed from, in tables the current user owns.
SELECT DISTINCT pg_catalog.current_database() AS table_catalog,
       n.nspname AS table_schema,
       c.relname AS table_name,
       r.attname AS column_name,
       g.attname AS dependent_column
FROM pg_catalog.pg_attrdef d
JOIN pg_catalog.pg_attribute g ON g.attrelid = d.adrelid AND g.attnum = d.adnum
JOIN pg_catalog.pg_depend p
    ON p.classid = 2604 AND p.objid = d.oid AND p.refclassid = 1259 AND p.refobjid = d.adrelid
JOIN pg_catalog.pg_attribute r ON r.attrelid = p.refobjid AND r.attnum = p.refobjsubid
JOIN pg_catalog.pg_class c ON c.oid = d.adrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE g.attgenerated <> ''
  AND r.attnum <> g.attnum
  AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
