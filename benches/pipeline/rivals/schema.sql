-- What the PostgreSQL rival keeps, and how it decides.
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;

-- Room in each page, so that an update writes no index.
CREATE TABLE stock (
    sku text PRIMARY KEY,
    available integer NOT NULL CHECK (available >= 0)
) WITH (fillfactor = 50);

CREATE TABLE decided (
    source text,
    id text,
    granted boolean NOT NULL,
    asked text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (source, id)
);

CREATE TABLE delivered (partition integer PRIMARY KEY, sequence bigint NOT NULL);
INSERT INTO delivered SELECT n, 0 FROM generate_series(0, 1023) n;

-- Decides events in their order: each takes units of every SKU that it names, or of none. Lines name
-- their event by its place. The answers are 0 or 1, or 2 or 3 for a repeat.
CREATE FUNCTION decide(
    partition_ integer,
    delivered_ bigint,
    sources text[],
    ids text[],
    asked text[],
    lasts integer[],
    line_event integer[],
    line_sku text[],
    line_quantity integer[]
) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
    answers integer[];
    firsts integer[];
    names text[];
    units integer[];
    places integer[];
    line integer := 1;
    first_line integer;
    lines integer := cardinality(line_event);
    fits boolean;
BEGIN
    IF delivered_ > 0 THEN
        UPDATE delivered SET sequence = delivered_ WHERE partition = partition_;
    END IF;
    SELECT array_agg(2 + d.granted::integer ORDER BY a.n), array_agg(a.first ORDER BY a.n)
        INTO answers, firsts
        FROM (
            SELECT n, source, id, min(n) OVER (PARTITION BY source, id) AS first
            FROM unnest(sources, ids) WITH ORDINALITY AS e (source, id, n)
        ) a LEFT JOIN decided d ON d.source = a.source AND d.id = a.id;
    -- In one order, so that batches of several partitions wait for each other and never in a ring.
    SELECT array_agg(sku), array_agg(available) INTO names, units FROM (
        SELECT sku, available FROM stock WHERE sku = ANY (line_sku) ORDER BY sku FOR UPDATE
    ) s;
    SELECT array_agg(s.place ORDER BY l.n) INTO places
        FROM unnest(line_sku) WITH ORDINALITY AS l (sku, n)
        LEFT JOIN unnest(names) WITH ORDINALITY AS s (sku, place) ON s.sku = l.sku;
    FOR event IN 1 .. cardinality(ids) LOOP
        first_line := line;
        fits := true;
        WHILE line <= lines AND line_event[line] = event LOOP
            fits := fits AND coalesce(units[places[line]] >= line_quantity[line], false);
            line := line + 1;
        END LOOP;
        IF firsts[event] < event THEN
            answers[event] := 2 + answers[firsts[event]] % 2;
        ELSIF answers[event] IS NULL THEN
            answers[event] := fits::integer;
            IF fits THEN
                FOR taken IN first_line .. line - 1 LOOP
                    units[places[taken]] := units[places[taken]] - line_quantity[taken];
                END LOOP;
            END IF;
        END IF;
    END LOOP;
    INSERT INTO decided
        SELECT e.source, e.id, answers[e.n] = 1, e.asked, now() + make_interval(secs => e.lasts)
        FROM unnest(sources, ids, asked, lasts) WITH ORDINALITY AS e (source, id, asked, lasts, n)
        WHERE answers[e.n] < 2;
    UPDATE stock SET available = s.available
        FROM unnest(names, units) AS s (sku, available)
        WHERE stock.sku = s.sku AND stock.available <> s.available;
    RETURN answers;
END $$;
