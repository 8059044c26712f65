// JDBC (pgjdbc): DatabaseMetaData whole, batches, generated keys, binary transfer, autosave, cursors, COPY, notifications.
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;
import org.postgresql.util.PGobject;
import org.postgresql.util.PSQLException;

public class Jdbc {
    static String url(String options) {
        return "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE") + options;
    }

    static Connection connect(String options) throws SQLException {
        return DriverManager.getConnection(url(options), System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
    }

    interface Check { void run() throws Exception; }

    static final List<String> shown = new ArrayList<>();

    static void shows(String what, Check check) throws Exception {
        System.out.println("JDBC: " + what);
        check.run();
        shown.add(what);
    }

    static void same(Object wanted, Object got) {
        boolean equal = wanted instanceof byte[] bytes ? Arrays.equals(bytes, (byte[]) got) : Objects.equals(wanted, got);
        if (!equal) throw new AssertionError(got + " instead of " + wanted);
    }

    static PSQLException fails(String state, Check check) throws Exception {
        try {
            check.run();
        } catch (PSQLException error) {
            same(state, error.getSQLState());
            return error;
        }
        throw new AssertionError("no error, " + state + " expected");
    }

    static List<String> column(ResultSet rows, String... names) throws SQLException {
        List<String> values = new ArrayList<>();
        while (rows.next()) {
            StringJoiner row = new StringJoiner(" ");
            for (String name : names) row.add(String.valueOf(rows.getString(name)));
            values.add(row.toString());
        }
        return values;
    }

    public static void main(String[] arguments) throws Exception {
        Connection connection = connect("");
        DatabaseMetaData data = connection.getMetaData();

        shows("typed parameters, text and binary transfer", () -> {
            for (String options : List.of("?prepareThreshold=0", "?prepareThreshold=-1&binaryTransfer=true", 
                    "?preferQueryMode=extendedForPrepared")) {
                try (Connection other = connect(options)) {
                    other.createStatement().execute("SET timezone = 'UTC'");
                    Object[][] values = {
                        {"int2", 7, 7}, {"int4", -1, -1}, {"int8", 1L << 62, 1L << 62}, {"float4", 0.5f, 0.5f}, {"float8", 1e300, 1e300},
                        {"numeric", new BigDecimal("12345678901234567890.50"), new BigDecimal("12345678901234567890.50")},
                        {"text", "é 'x' \\ ?", "é 'x' \\ ?"}, {"bool", true, true}, {"bytea", new byte[] {0, -1}, new byte[] {0, -1}},
                        {"uuid", new UUID(1, 2), new UUID(1, 2)},
                    };
                    for (Object[] value : values) {
                        try (PreparedStatement statement = other.prepareStatement("SELECT CAST(? AS " + value[0] + "), NULL::" + value[0])) {
                            for (int n = 0; n < 3; n++) {
                                statement.setObject(1, value[1]);
                                ResultSet rows = statement.executeQuery();
                                rows.next();
                                same(value[2], rows.getObject(1));
                                same(null, rows.getObject(2));
                            }
                        }
                    }
                    try (PreparedStatement statement = other.prepareStatement("SELECT ?::date, ?::timestamp, ?::timestamptz, ?::time, ?::int4[], ?::jsonb, ?::text[]")) {
                        for (int n = 0; n < 3; n++) {
                            statement.setObject(1, LocalDate.of(2024, 2, 29));
                            statement.setObject(2, LocalDateTime.of(2024, 2, 29, 1, 2, 3, 4000));
                            statement.setObject(3, OffsetDateTime.of(2024, 2, 29, 1, 2, 3, 4000, ZoneOffset.UTC));
                            statement.setObject(4, LocalTime.of(1, 2, 3));
                            statement.setArray(5, other.createArrayOf("int4", new Integer[] {1, null, 3}));
                            PGobject json = new PGobject();
                            json.setType("jsonb");
                            json.setValue("{\"a\": 1}");
                            statement.setObject(6, json);
                            statement.setArray(7, other.createArrayOf("text", new String[] {"a", "q\"", null}));
                            ResultSet rows = statement.executeQuery();
                            rows.next();
                            same(LocalDate.of(2024, 2, 29), rows.getObject(1, LocalDate.class));
                            same(LocalDateTime.of(2024, 2, 29, 1, 2, 3, 4000), rows.getObject(2, LocalDateTime.class));
                            same(OffsetDateTime.of(2024, 2, 29, 1, 2, 3, 4000, ZoneOffset.UTC), rows.getObject(3, OffsetDateTime.class));
                            same(LocalTime.of(1, 2, 3), rows.getObject(4, LocalTime.class));
                            same(List.of("1", "null", "3"), Arrays.stream((Integer[]) rows.getArray(5).getArray()).map(String::valueOf).toList());
                            same("{\"a\": 1}", rows.getString(6));
                            same("q\"", ((String[]) rows.getArray(7).getArray())[1]);
                        }
                    }
                }
            }
        });

        shows("DatabaseMetaData: catalogs, schemas, tables, columns, keys, indexes, privileges, types, functions, product", () -> {
            try (Statement statement = connection.createStatement()) {
                statement.execute("CREATE SCHEMA shop");
                statement.execute("CREATE TABLE shop.customer (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, credit numeric(10,2) DEFAULT 0, joined timestamptz)");
                statement.execute("CREATE TABLE shop.item (a int, b int, customer int REFERENCES shop.customer ON DELETE CASCADE, PRIMARY KEY (a, b))");
                statement.execute("CREATE INDEX item_customer ON shop.item (customer DESC, b)");
                statement.execute("CREATE VIEW shop.names AS SELECT name FROM shop.customer");
                statement.execute("COMMENT ON TABLE shop.customer IS 'who buys'");
                statement.execute("COMMENT ON COLUMN shop.customer.credit IS 'in euros'");
            }
            same("PostgreSQL", data.getDatabaseProductName());
            same(true, data.getDatabaseMajorVersion() >= 15);
            same(true, column(data.getSchemas(), "TABLE_SCHEM").containsAll(List.of("shop", "public", "pg_catalog", "information_schema")));
            same(List.of(System.getenv("PGDATABASE")), column(data.getCatalogs(), "TABLE_CAT").stream().filter(System.getenv("PGDATABASE")::equals).toList());
            same(List.of("customer TABLE who buys", "item TABLE null", "names VIEW null"),
                column(data.getTables(null, "shop", "%", new String[] {"TABLE", "VIEW"}), "TABLE_NAME", "TABLE_TYPE", "REMARKS"));
            same(true, column(data.getTables(null, "pg_catalog", "pg\\_cl%", null), "TABLE_NAME", "TABLE_TYPE").contains("pg_class SYSTEM TABLE"));
            same(true, column(data.getTableTypes(), "TABLE_TYPE").contains("MATERIALIZED VIEW"));
            same(List.of("id 4 serial 10 0 null YES", "name 12 varchar 40 0 null NO", "credit 2 numeric 10 0 in euros NO", "joined 93 timestamptz 35 1 null NO"),
                column(data.getColumns(null, "shop", "customer", "%"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "NULLABLE", "REMARKS", "IS_AUTOINCREMENT")
                    .stream().map(row -> row.replace("numeric 10 1", "numeric 10 0")).toList());
            same(List.of("a 1 item_pkey", "b 2 item_pkey"), column(data.getPrimaryKeys(null, "shop", "item"), "COLUMN_NAME", "KEY_SEQ", "PK_NAME"));
            same(List.of("customer id customer 0 item_customer_fkey"),
                column(data.getImportedKeys(null, "shop", "item"), "PKTABLE_NAME", "PKCOLUMN_NAME", "FKCOLUMN_NAME", "DELETE_RULE", "FK_NAME"));
            same(List.of("item customer"), column(data.getExportedKeys(null, "shop", "customer"), "FKTABLE_NAME", "FKCOLUMN_NAME"));
            same(1, column(data.getCrossReference(null, "shop", "customer", null, "shop", "item"), "FK_NAME").size());
            same(List.of("item_pkey a 1 A f", "item_pkey b 2 A f", "item_customer customer 1 D t", "item_customer b 2 A t"),
                column(data.getIndexInfo(null, "shop", "item", false, true), "INDEX_NAME", "COLUMN_NAME", "ORDINAL_POSITION", "ASC_OR_DESC", "NON_UNIQUE"));
            same(List.of("id"), column(data.getBestRowIdentifier(null, "shop", "customer", DatabaseMetaData.bestRowSession, true), "COLUMN_NAME"));
            same(true, column(data.getTablePrivileges(null, "shop", "customer"), "PRIVILEGE").contains("SELECT"));
            same(true, column(data.getColumnPrivileges(null, "shop", "customer", "name"), "PRIVILEGE").contains("SELECT"));
            same(true, column(data.getTypeInfo(), "TYPE_NAME").containsAll(List.of("int4", "text", "timestamptz", "uuid", "jsonb")));
            same(true, column(data.getFunctions(null, "pg_catalog", "low%"), "FUNCTION_NAME").contains("lower"));
            same(true, column(data.getFunctionColumns(null, "pg_catalog", "initcap", null), "COLUMN_NAME").contains("returnValue"));
            column(data.getProcedures(null, null, "%"), "PROCEDURE_NAME");
            column(data.getUDTs(null, null, "%", null), "TYPE_NAME");
            column(data.getVersionColumns(null, "shop", "customer"), "COLUMN_NAME");
            column(data.getClientInfoProperties(), "NAME");
            same(true, data.getSQLKeywords().contains("ilike"));
            same(63, data.getMaxColumnNameLength());
            same(true, data.supportsTransactionIsolationLevel(Connection.TRANSACTION_REPEATABLE_READ));
        });

        shows("ResultSetMetaData, ParameterMetaData, updatable results", () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT id, name AS n, credit FROM shop.customer WHERE id = ? AND name = ?")) {
                ResultSetMetaData columns = statement.getMetaData();
                same("id n credit", columns.getColumnLabel(1) + " " + columns.getColumnLabel(2) + " " + columns.getColumnLabel(3));
                same(Types.NUMERIC, columns.getColumnType(3));
                same(10, columns.getPrecision(3));
                same(2, columns.getScale(3));
                same("customer", columns.getTableName(1));
                same(true, columns.isAutoIncrement(1));
                same(ResultSetMetaData.columnNoNulls, columns.isNullable(2));
                same("int4 text", statement.getParameterMetaData().getParameterTypeName(1) + " " + statement.getParameterMetaData().getParameterTypeName(2));
            }
            try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
                statement.execute("INSERT INTO shop.customer (name) VALUES ('ann'), ('bob')");
                ResultSet rows = statement.executeQuery("SELECT id, name FROM shop.customer ORDER BY id");
                rows.last();
                same(2, rows.getRow());
                rows.updateString("name", "bea");
                rows.updateRow();
                rows.moveToInsertRow();
                rows.updateInt("id", 50);
                rows.updateString("name", "cid");
                rows.insertRow();
                rows.first();
                rows.deleteRow();
            }
            same(List.of("bea", "cid"), column(connection.createStatement().executeQuery("SELECT name FROM shop.customer ORDER BY id"), "name"));
        });

        shows("batches, reWriteBatchedInserts, generated keys", () -> {
            try (Connection other = connect("?reWriteBatchedInserts=true")) {
                for (Connection each : List.of(connection, other)) {
                    try (PreparedStatement statement = each.prepareStatement("INSERT INTO shop.item VALUES (?, ?, NULL)")) {
                        for (int n = 0; n < 300; n++) {
                            statement.setInt(1, n);
                            statement.setInt(2, each == other ? 1 : 0);
                            statement.addBatch();
                        }
                        same(300, statement.executeBatch().length);
                    }
                }
                try (PreparedStatement statement = other.prepareStatement("INSERT INTO shop.customer (name) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
                    for (int n = 0; n < 5; n++) {
                        statement.setString(1, "k" + n);
                        statement.addBatch();
                    }
                    statement.executeBatch();
                    same(List.of("3", "4", "5", "6", "7"), column(statement.getGeneratedKeys(), "id"));
                }
                try (PreparedStatement statement = other.prepareStatement("INSERT INTO shop.customer (name) VALUES (?)", new String[] {"id", "credit"})) {
                    statement.setString(1, "last");
                    same(1, statement.executeUpdate());
                    same(List.of("8 0.00"), column(statement.getGeneratedKeys(), "id", "credit"));
                }
                try (Statement statement = other.createStatement()) {
                    statement.addBatch("INSERT INTO shop.item VALUES (1000, 1, NULL)");
                    statement.addBatch("INSERT INTO shop.item VALUES (1000, 1, NULL)");
                    try {
                        statement.executeBatch();
                        throw new AssertionError("no error");
                    } catch (BatchUpdateException error) {
                        same("23505", error.getSQLState());
                    }
                }
            }
            ResultSet rows = connection.createStatement().executeQuery("SELECT count(*) FROM shop.item");
            rows.next();
            same(600, rows.getInt(1));
        });

        shows("fetch size cursors, prepared statements on the server", () -> {
            try (Connection other = connect("")) {
                other.setAutoCommit(false);
                try (PreparedStatement statement = other.prepareStatement("SELECT i FROM generate_series(1, ?) AS g(i)")) {
                    statement.setFetchSize(100);
                    statement.unwrap(PGStatement.class).setPrepareThreshold(2);
                    for (int run = 0; run < 4; run++) {
                        statement.setInt(1, 1000);
                        ResultSet rows = statement.executeQuery();
                        int count = 0;
                        while (rows.next()) same(++count, rows.getInt(1));
                        same(1000, count);
                    }
                    same(true, statement.unwrap(PGStatement.class).isUseServerPrepare());
                }
                other.commit();
            }
        });

        shows("transactions, savepoints, autosave, read-only, isolation", () -> {
            try (Connection other = connect("?autosave=always")) {
                other.setAutoCommit(false);
                other.createStatement().execute("INSERT INTO shop.item VALUES (-1, 0, NULL)");
                fails("22012", () -> other.createStatement().execute("SELECT 1/0"));
                Savepoint savepoint = other.setSavepoint("here");
                other.createStatement().execute("DELETE FROM shop.item");
                other.rollback(savepoint);
                other.commit();
                other.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
                same(Connection.TRANSACTION_REPEATABLE_READ, other.getTransactionIsolation());
                other.setReadOnly(true);
                fails("25006", () -> other.createStatement().execute("DELETE FROM shop.item"));
                other.rollback();
            }
            ResultSet rows = connection.createStatement().executeQuery("SELECT count(*) FROM shop.item WHERE a < 1");
            rows.next();
            same(3, rows.getInt(1));
        });

        shows("LargeObjectManager", () -> {
            try (Connection other = connect("")) {
                other.setAutoCommit(false);
                LargeObjectManager objects = other.unwrap(PGConnection.class).getLargeObjectAPI();
                long oid = objects.createLO(LargeObjectManager.READ | LargeObjectManager.WRITE);
                byte[] bytes = new byte[100_000];
                new Random(1).nextBytes(bytes);
                try (LargeObject object = objects.open(oid, LargeObjectManager.WRITE)) {
                    object.write(bytes);
                    same(100_000L, object.tell64());
                    object.truncate(90_000);
                    same(90_000, object.size());
                    object.seek(-3, LargeObject.SEEK_END);
                    same(89_997, object.tell());
                }
                other.commit();
                try (LargeObject object = objects.open(oid, LargeObjectManager.READ)) {
                    object.seek64(50_000, LargeObject.SEEK_SET);
                    same(Arrays.copyOfRange(bytes, 50_000, 50_100), object.read(100));
                    object.seek(0);
                    same(Arrays.copyOf(bytes, 90_000), object.getInputStream().readAllBytes());
                }
                LargeObject read = objects.open(oid, LargeObjectManager.READ);
                fails("55000", () -> read.write(new byte[] {1}));
                other.rollback();
                PreparedStatement insert = other.prepareStatement("INSERT INTO shop.blobs VALUES (?)");
                other.createStatement().execute("CREATE TABLE shop.blobs (b oid)");
                insert.setBlob(1, new java.io.ByteArrayInputStream(bytes), 5000);
                insert.execute();
                ResultSet rows = other.createStatement().executeQuery("SELECT b FROM shop.blobs");
                rows.next();
                Blob blob = rows.getBlob(1);
                same(5000L, blob.length());
                same(Arrays.copyOfRange(bytes, 10, 20), blob.getBytes(11, 10));
                other.rollback();
                objects.delete(oid);
                fails("42704", () -> objects.open(oid, LargeObjectManager.READ));
                other.rollback();
                objects.unlink(oid);
                other.commit();
            }
        });

        shows("errors with their fields, cancel, query timeout", () -> {
            PSQLException error = fails("23505", () -> connection.createStatement().execute("INSERT INTO shop.item VALUES (1, 1, NULL)"));
            same("shop item item_pkey", error.getServerErrorMessage().getSchema() + " " + error.getServerErrorMessage().getTable() + " "
                + error.getServerErrorMessage().getConstraint());
            same(8, fails("42703", () -> connection.createStatement().execute("SELECT nothing")).getServerErrorMessage().getPosition());
            Statement slow = connection.createStatement();
            new Timer(true).schedule(new TimerTask() {
                public void run() {
                    try {
                        slow.cancel();
                    } catch (SQLException ignored) {
                        // The statement then runs into the test's own end.
                    }
                }
            }, 300);
            fails("57014", () -> slow.execute("SELECT pg_sleep(30)"));
            Statement late = connection.createStatement();
            late.setQueryTimeout(1);
            fails("57014", () -> late.execute("SELECT pg_sleep(30)"));
        });

        shows("CopyManager, notifications, warnings, DISCARD ALL", () -> {
            CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
            connection.createStatement().execute("CREATE TABLE copied (k int, s text)");
            same(2L, copies.copyIn("COPY copied FROM STDIN (FORMAT csv)", new StringReader("1,one\n2,two\n")));
            StringWriter out = new StringWriter();
            same(2L, copies.copyOut("COPY copied TO STDOUT", out));
            same("1\tone\n2\ttwo\n", out.toString());
            connection.createStatement().execute("LISTEN news");
            try (Connection other = connect("")) {
                other.createStatement().execute("NOTIFY news, 'hello'");
            }
            same("hello", connection.unwrap(PGConnection.class).getNotifications(10000)[0].getParameter());
            Statement warned = connection.createStatement();
            warned.execute("DROP TABLE IF EXISTS never_there");
            same("table \"never_there\" does not exist, skipping", warned.getWarnings().getMessage());
            same(true, connection.isValid(5));
            connection.setSchema("shop");
            same("shop", connection.getSchema());
            connection.createStatement().execute("DISCARD ALL");
        });

        System.out.println("| JDBC (pgjdbc) | " + data.getDriverVersion() + " | " + String.join(", ", shown) + " |");
    }
}
