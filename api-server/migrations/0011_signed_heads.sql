-- serves-from: 1
-- The heads of all profiles, signed each hour with the key that signs tokens: whoever rewrites a ledger and all its hashes can't make them anew.
--
-- One signature covers the profiles whose head is another one than when it was signed last, and, by the digest of the signature before, all that
-- was ever signed. What is signed (RSASSA-PKCS1-v1_5 over SHA-256, RS256 without the JOSE around it) are the UTF-8 bytes of ledger_heads_text():
-- seven lines, each with its newline. Example, the first signature, of one profile:
--
--   supernova-heads/1
--   1
--   2026-01-02T03:00:00.000Z
--   whole
--   1
--   801ee4cc6f685ebcb2509b8d2250397c00ad520d5cbcbcee869b4cffa1823e9c
--   0000000000000000000000000000000000000000000000000000000000000000
--
-- has the digest ffa9918d52a68900e7cddbd795229f474438973d7ca9e166cccb35ddb6d108b1
-- (format; id; the hour for which it is made; "whole" where with it all profiles of the hour are covered, else "part"; how many profiles; SHA-256 of
-- their lines; digest of the signature before, 64 zeros for the first). A profile's line is its name's length in bytes, a colon, the name, a space,
-- seq, a space, the head in hex and a newline; they are in the order of the names' bytes. The line of the example:
--
--   7:example 1 ae6d0dd55595a153518f694448b82368b406f0cebe265a50ce05009a94e8066b
--
-- A row is made without signature, in one transaction with what it covers, and signed by whichever server comes first.

CREATE TABLE ledger_heads (
  id           bigint PRIMARY KEY CHECK (id > 0),
  made_at      timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  hour         timestamptz(3) NOT NULL,
  whole        boolean NOT NULL,
  profiles     integer NOT NULL,
  lines_sha256 bytea NOT NULL CHECK (octet_length(lines_sha256) = 32),
  prev         bytea NOT NULL CHECK (octet_length(prev) = 32),
  digest       bytea NOT NULL CHECK (octet_length(digest) = 32),
  kid          text COLLATE "C",
  signature    bytea,
  CHECK ((kid IS NULL) = (signature IS NULL))
);
CREATE UNIQUE INDEX ledger_heads_hour ON ledger_heads (hour) WHERE whole;
CREATE INDEX ledger_heads_unsigned ON ledger_heads (id) WHERE signature IS NULL;

-- Which row of a profile's ledger was signed by which of them.
CREATE TABLE ledger_heads_entry (
  profile text COLLATE "C" NOT NULL,
  seq     bigint NOT NULL,
  heads   bigint NOT NULL,
  PRIMARY KEY (profile, seq)
);

-- The one change that a row knows is to be signed.
CREATE FUNCTION ledger_heads_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'ledger_heads' THEN
    IF OLD.signature IS NULL AND (NEW.id, NEW.made_at, NEW.hour, NEW.whole, NEW.profiles, NEW.lines_sha256, NEW.prev, NEW.digest) =
                                 (OLD.id, OLD.made_at, OLD.hour, OLD.whole, OLD.profiles, OLD.lines_sha256, OLD.prev, OLD.digest) THEN RETURN NEW; END IF;
  END IF;
  RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE ON ledger_heads FOR EACH ROW EXECUTE FUNCTION ledger_heads_refuse();
CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON ledger_heads FOR EACH STATEMENT EXECUTE FUNCTION ledger_heads_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_heads_entry FOR EACH STATEMENT EXECUTE FUNCTION ledger_heads_refuse();
ALTER TABLE ledger_heads ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER no_delete;
ALTER TABLE ledger_heads_entry ENABLE ALWAYS TRIGGER append_only;

CREATE FUNCTION ledger_heads_text(heads ledger_heads) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT concat_ws(E'\n', 'supernova-heads/1', heads.id, utc(heads.hour), CASE WHEN heads.whole THEN 'whole' ELSE 'part' END, heads.profiles,
                   encode(heads.lines_sha256, 'hex'), encode(heads.prev, 'hex'), '')
$$;

-- What is to be done next for this hour, by one server at a time; UPTO is what to come back with as p_after ('' begins).
--   sign   the row that the other columns show is to be signed: ledger_heads_sign(), then come back
--   more   none of the next p_batch profiles has another head: come back
--   done   the hour is signed             busy   somebody else is at it
CREATE FUNCTION ledger_heads_next(p_after text, p_batch integer)
RETURNS TABLE (result text, upto text, id bigint, hour text, whole boolean, profiles integer, lines_sha256 text, prev text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  heads   ledger_heads;
  scanned integer;
BEGIN
  result := 'busy';
  -- "heads" as a number: any will do, as long as all images share it
  IF NOT pg_try_advisory_xact_lock(8318823012450530) THEN RETURN NEXT; RETURN; END IF;
  upto := p_after;
  SELECT * INTO heads FROM ledger_heads WHERE signature IS NULL ORDER BY id LIMIT 1;
  IF NOT FOUND THEN
    heads.hour := date_trunc('hour', now(), 'UTC');
    result := 'done';
    IF EXISTS (SELECT FROM ledger_heads h WHERE h.hour = heads.hour AND h.whole) THEN RETURN NEXT; RETURN; END IF;
    SELECT coalesce(max(h.id), 0) + 1 INTO heads.id FROM ledger_heads h;
    heads.prev := coalesce((SELECT h.digest FROM ledger_heads h WHERE h.id = heads.id - 1), decode(repeat('00', 32), 'hex'));
    WITH batch AS MATERIALIZED (
      SELECT b.profile, b.seq, b.head FROM ent_balance b WHERE b.profile > p_after ORDER BY b.profile LIMIT p_batch
    ), changed AS MATERIALIZED (
      SELECT b.* FROM batch b WHERE b.seq > 0 AND NOT EXISTS (SELECT FROM ledger_heads_entry e WHERE e.profile = b.profile AND e.seq = b.seq)
    ), kept AS (
      INSERT INTO ledger_heads_entry (profile, seq, heads) SELECT c.profile, c.seq, heads.id FROM changed c
    )
    SELECT (SELECT count(*) FROM batch), (SELECT max(b.profile) FROM batch b), count(*),
           sha256(convert_to(coalesce(string_agg(format(E'%s:%s %s %s\n', octet_length(c.profile), c.profile, c.seq, encode(c.head, 'hex')), ''
                                                 ORDER BY c.profile), ''), 'UTF8'))
    INTO scanned, upto, heads.profiles, heads.lines_sha256 FROM changed c;
    heads.whole := scanned < p_batch;
    result := 'more';
    IF heads.profiles = 0 AND NOT heads.whole THEN RETURN NEXT; RETURN; END IF;
    heads.made_at := clock_timestamp();
    heads.digest := sha256(convert_to(ledger_heads_text(heads), 'UTF8'));
    INSERT INTO ledger_heads VALUES (heads.*);
  END IF;
  RETURN QUERY SELECT 'sign', coalesce(upto, p_after), heads.id, utc(heads.hour), heads.whole, heads.profiles, encode(heads.lines_sha256, 'hex'),
                      encode(heads.prev, 'hex');
END $$;
REVOKE ALL ON FUNCTION ledger_heads_next FROM PUBLIC;

-- False: somebody else has signed it.
CREATE FUNCTION ledger_heads_sign(p_id bigint, p_kid text, p_signature bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
BEGIN
  UPDATE ledger_heads SET kid = p_kid, signature = p_signature WHERE id = p_id AND signature IS NULL;
  RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION ledger_heads_sign FROM PUBLIC;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'supernova_app') THEN
    GRANT SELECT ON ledger_heads, ledger_heads_entry TO supernova_app;
    GRANT EXECUTE ON FUNCTION ledger_heads_next, ledger_heads_sign TO supernova_app;
  END IF;
END $$;

-- What 0003 left for a transaction of its own, in which nobody has to wait for it.
ALTER TABLE ent_ledger VALIDATE CONSTRAINT ent_ledger_kind_check;
ALTER TABLE ent_ledger VALIDATE CONSTRAINT ent_ledger_check;
