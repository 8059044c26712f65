# Values that travel as codes, and modifiers of times, outlive a kill -9.

commons> CREATE TABLE kept (id int PRIMARY KEY, b bit(3), v varbit, i inet, n cidr, m macaddr, l macaddr8, p money, s pg_lsn, x xid8, t timestamp(0), d interval day to second(1), a inet[])
commons> INSERT INTO kept VALUES (1, '101', '', '10.0.0.1/24', '10/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '1234.5', '16/B374D848', '5', '2020-01-01 10:00:00.7', '1.26 sec', '{10.0.0.1,NULL}'), (2, '110', '1', '::1', '::/0', '08:00:2b:01:02:04', '08002b010203', '-5', '0/1', '6', 'infinity', '-1.26 sec', '{}'), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
server! kill
server! start
commons> SELECT * FROM kept ORDER BY id
commons> SELECT id FROM kept WHERE i << '10/8' AND p = '1234.5' AND b = B'101' AND s > '16/0' AND x < '6' AND m < '08:00:2b:01:02:04'
commons> SELECT min(i), max(i), sum(p), max(s), max(x) FROM kept
commons> INSERT INTO kept (id, b) VALUES (4, '10')
commons> INSERT INTO kept (id, t, d) VALUES (4, '2020-01-01 10:00:00.5', '1.25 sec') RETURNING t, d
----
commons: id | b | v | i | n | m | l | p | s | x | t | d | a
commons: 1 | 101 |  | 10.0.0.1/24 | 10.0.0.0/8 | 08:00:2b:01:02:03 | 08:00:2b:01:02:03:04:05 | $1,234.50 | 16/B374D848 | 5 | 2020-01-01 10:00:01 | 00:00:01.3 | {10.0.0.1,NULL}
commons: 2 | 110 | 1 | ::1 | ::/0 | 08:00:2b:01:02:04 | 08:00:2b:ff:fe:01:02:03 | -$5.00 | 0/1 | 6 | infinity | -00:00:01.3 | {}
commons: 3 | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL
commons: id
commons: 1
commons: min | max | sum | max | max
commons: 10.0.0.1/24 | ::1 | $1,229.50 | 16/B374D848 | 6
commons: ERROR 22026: bit string length 2 does not match type bit(3)
commons: t | d
commons: 2020-01-01 10:00:01 | 00:00:01.3
