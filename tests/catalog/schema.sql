-- The same objects on both servers: what clients ask the catalogs about. The roles catalog_ann and
-- catalog_team are there.
GRANT catalog_team TO catalog_ann;
CREATE SCHEMA team;
COMMENT ON SCHEMA team IS 'what we share';
GRANT USAGE ON SCHEMA team TO catalog_ann;
CREATE TABLE public.t (
    id int PRIMARY KEY,
    name text NOT NULL DEFAULT 'x',
    amount numeric(10,2) DEFAULT 0,
    tags text[],
    ts timestamptz DEFAULT now(),
    ref int,
    CONSTRAINT t_amount_check CHECK ((amount > (0)::numeric))
);
CREATE TABLE public.u (
    id int REFERENCES public.t(id) ON DELETE CASCADE,
    v varchar(30) UNIQUE
);
CREATE TABLE team.event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind char(3) NOT NULL,
    at timestamp,
    day date,
    spent interval,
    body jsonb,
    raw bytea,
    key uuid,
    score double precision,
    small smallint,
    twice int GENERATED ALWAYS AS ((small * 2)) STORED,
    ok boolean DEFAULT true
);
CREATE TABLE team.line (
    event bigint NOT NULL,
    place int NOT NULL,
    n serial,
    note varchar(10) DEFAULT 'none',
    PRIMARY KEY (event, place),
    CONSTRAINT line_event_fkey FOREIGN KEY (event) REFERENCES team.event (id) ON DELETE RESTRICT,
    CONSTRAINT line_note_key UNIQUE (note, n)
);
CREATE INDEX line_n_idx ON team.line (n DESC, note);
CREATE INDEX line_lower_idx ON team.line (lower((note)::text));
CREATE UNIQUE INDEX event_key_idx ON team.event (key) INCLUDE (kind);
CREATE INDEX event_small_idx ON team.event USING hash (small);
CREATE DOMAIN team.price AS numeric(8,2) DEFAULT 1 NOT NULL CONSTRAINT price_check CHECK ((VALUE > (0)::numeric));
CREATE DOMAIN team.prices AS team.price[];
CREATE DOMAIN public.word AS character varying(20) CONSTRAINT word_check CHECK (((VALUE)::text <> ''::text));
CREATE TABLE team.offer (what public.word, price team.price, prices team.prices);
COMMENT ON DOMAIN team.price IS 'in euros';
COMMENT ON CONSTRAINT price_check ON DOMAIN team.price IS 'nothing is free';
GRANT USAGE ON TYPE public.word TO catalog_ann;
CREATE TYPE team.address AS (street text, zip character varying(10));
CREATE TYPE public.parcel AS (id integer, home team.address, weights numeric(6,2)[]);
CREATE TABLE team.parcels (id integer PRIMARY KEY, what public.parcel, others public.parcel[]);
COMMENT ON TYPE team.address IS 'where one lives';
COMMENT ON COLUMN team.address.zip IS 'digits';
GRANT USAGE ON TYPE public.parcel TO catalog_ann;
CREATE SEQUENCE public.counter START 10 INCREMENT 5 MAXVALUE 1000 CYCLE;
CREATE VIEW team.result AS SELECT t.id, t.name FROM public.t;
CREATE VIEW public.sums AS SELECT line.event, count(*) AS n FROM team.line GROUP BY line.event;
CREATE MATERIALIZED VIEW team.kept AS SELECT t.id, t.amount FROM public.t;
CREATE UNIQUE INDEX kept_id_idx ON team.kept (id);
COMMENT ON TABLE public.t IS 'hello';
COMMENT ON COLUMN public.t.name IS 'n';
COMMENT ON VIEW team.result IS 'for all';
COMMENT ON INDEX team.line_n_idx IS 'an index';
COMMENT ON CONSTRAINT t_amount_check ON public.t IS 'money is positive';
GRANT SELECT ON team.result TO catalog_ann;
GRANT SELECT, INSERT ON public.t TO catalog_team WITH GRANT OPTION;
GRANT SELECT ON team.kept TO PUBLIC;
GRANT USAGE ON SEQUENCE public.counter TO catalog_ann;
INSERT INTO public.t VALUES (1, 'one', 1.50, '{a,"b c"}', '2024-01-02 03:04:05+00', 2), (2, 'two', 2.25, NULL, NULL, NULL);
INSERT INTO public.u VALUES (1, 'uno'), (1, NULL);
INSERT INTO team.event (kind, at, day, spent, body, raw, key, score, small) VALUES
    ('abc', '2024-05-06 07:08:09.123', '2024-05-06', '1 day 02:00', '{"a": [1, null]}', '\x00ff', '6f9619ff-8b86-d011-b42d-00c04fc964ff', 0.1, 7),
    ('d', NULL, NULL, NULL, NULL, NULL, NULL, 'NaN', NULL);
INSERT INTO team.line (event, place, note) VALUES (1, 1, E'tab\there'), (1, 2, NULL), (2, 1, 'back\slash');
REFRESH MATERIALIZED VIEW team.kept;
