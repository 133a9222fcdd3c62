-- serves-from: 1
-- What profiles own, and the append-only ledger that says why.
--
-- Each ledger row holds the SHA-256 over itself and the head of the row before it, so a row that is changed, taken out or put in breaks the
-- chain of its profile from there on. The hashed bytes are UTF-8 text, one field a line, in the order of ledger_bytes() below: its length in
-- bytes, a colon, the value, a newline; SQL's null is "-" and a newline. Times are UTC with milliseconds, digests are lower-case hex, the first
-- row's `prev` is 64 zeros. Example, the first row of profile "example":
--
--   18:supernova-ledger/1
--   64:0000000000000000000000000000000000000000000000000000000000000000
--   7:example
--   1:1
--   24:2026-01-02T03:04:05.678Z
--   5:coins
--   3:500
--   -
--   -
--   7:welcome
--   5:admin
--   5:admin
--   7:order-1
--   8:alice/é
--   64:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
--   3:500
--   1:0
--   64:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
--
-- has the head ae6d0dd55595a153518f694448b82368b406f0cebe265a50ce05009a94e8066b
-- (fields: format, prev, profile, seq, at, kind, amount, plan, expires_at, reason, source, origin, external_ref, actor, body_sha256, coins, debt,
-- SHA-256 of answer, which is "{}" here). `coins` and `debt` are the balance after the row.
--
-- The role that serves requests owns nothing here and may only read and call entitlement_grant(). Where it exists it is named supernova_app.

CREATE TABLE profile (
  id         text COLLATE "C" PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 256),
  created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

-- What a store's product grants.
CREATE TABLE product (
  store      text COLLATE "C" NOT NULL CHECK (store IN ('google', 'apple', 'collabpay')),
  product_id text COLLATE "C" NOT NULL CHECK (octet_length(product_id) BETWEEN 1 AND 256),
  coins      bigint CHECK (coins BETWEEN 1 AND 9007199254740991),
  plan       text COLLATE "C" CHECK (octet_length(plan) BETWEEN 1 AND 256),
  PRIMARY KEY (store, product_id),
  CHECK ((coins IS NULL) <> (plan IS NULL))
);

CREATE TABLE ent_balance (
  profile text COLLATE "C" PRIMARY KEY REFERENCES profile (id),
  coins   bigint NOT NULL DEFAULT 0 CHECK (coins BETWEEN 0 AND 9007199254740991),
  debt    bigint NOT NULL DEFAULT 0 CHECK (debt BETWEEN 0 AND 9007199254740991),
  head    bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(head) = 32),
  seq     bigint NOT NULL DEFAULT 0
);

CREATE TABLE ent_subscription (
  profile    text COLLATE "C" PRIMARY KEY REFERENCES profile (id),
  plan       text COLLATE "C" NOT NULL CHECK (octet_length(plan) BETWEEN 1 AND 256),
  expires_at timestamptz(3),
  source     text
);

CREATE TABLE ent_ledger (
  profile      text COLLATE "C" NOT NULL REFERENCES profile (id),
  seq          bigint NOT NULL CHECK (seq > 0),
  at           timestamptz(3) NOT NULL,
  kind         text COLLATE "C" NOT NULL CHECK (kind IN ('coins', 'subscription', 'revoke')),
  amount       bigint CHECK (amount BETWEEN 1 AND 9007199254740991),
  plan         text COLLATE "C",
  expires_at   timestamptz(3),
  reason       text CHECK (octet_length(reason) <= 1024),
  source       text CHECK (octet_length(source) <= 256),
  origin       text COLLATE "C" NOT NULL CHECK (octet_length(origin) BETWEEN 1 AND 64),
  external_ref text COLLATE "C" CHECK (octet_length(external_ref) BETWEEN 1 AND 256),
  actor        text CHECK (octet_length(actor) <= 1024),
  body_sha256  bytea NOT NULL CHECK (octet_length(body_sha256) = 32),
  coins        bigint NOT NULL,
  debt         bigint NOT NULL,
  answer       text NOT NULL,
  prev         bytea NOT NULL,
  head         bytea NOT NULL,
  PRIMARY KEY (profile, seq),
  UNIQUE (origin, external_ref),
  CHECK (CASE kind WHEN 'coins' THEN amount IS NOT NULL AND plan IS NULL AND expires_at IS NULL
                   WHEN 'subscription' THEN amount IS NULL AND plan IS NOT NULL
                   ELSE (amount IS NULL) <> (plan IS NULL) AND expires_at IS NULL END)
);

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'ent_ledger is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ent_ledger FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
ALTER TABLE ent_ledger ENABLE ALWAYS TRIGGER append_only;

CREATE FUNCTION utc(at timestamptz) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

CREATE FUNCTION ledger_field(value text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(octet_length(value) || ':' || value, '-') || E'\n' $$;

CREATE FUNCTION ledger_bytes(entry ent_ledger) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT convert_to(string_agg(ledger_field(value), '' ORDER BY place), 'UTF8')
  FROM unnest(ARRAY['supernova-ledger/1', encode(entry.prev, 'hex'), entry.profile, entry.seq::text, utc(entry.at), entry.kind,
                    entry.amount::text, entry.plan, utc(entry.expires_at), entry.reason, entry.source, entry.origin, entry.external_ref,
                    entry.actor, encode(entry.body_sha256, 'hex'), entry.coins::text, entry.debt::text,
                    encode(sha256(convert_to(entry.answer, 'UTF8')), 'hex')]) WITH ORDINALITY AS f (value, place)
$$;

-- The row that REF left, as an answer: none when there is none.
CREATE FUNCTION ledger_repeat(p_origin text, p_ref text, p_body bytea) RETURNS TABLE (result text, seq bigint, answer text)
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN l.body_sha256 = p_body THEN 'repeated' ELSE 'conflict' END, l.seq, CASE WHEN l.body_sha256 = p_body THEN l.answer END
  FROM ent_ledger l WHERE l.origin = p_origin AND l.external_ref = p_ref
$$;

CREATE FUNCTION entitlements_json(coins bigint, debt bigint, plan text, expires_at timestamptz, source text, at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT format('{"coins":%s,"debt":%s,"subscription":%s}', coins, debt,
    CASE WHEN plan IS NULL THEN 'null'
         ELSE format('{"plan":%s,"active":%s,"expiresAt":%s,"source":%s}', to_json(plan), (expires_at IS NULL OR expires_at > at)::text,
                     coalesce(to_json(utc(expires_at))::text, 'null'), coalesce(to_json(source)::text, 'null')) END)
$$;

-- One grant, exactly once by (origin, external_ref). Results: done, repeated, conflict; and, with nothing written, insufficient, too_many, no_plan.
-- The balance's row is the lock of its profile; everything that the chain continues from is read behind it. A twin that was first is looked for
-- before the lock (a repeat need not wait), behind it (our balance includes it already), and where the insert finds it (another profile's).
CREATE FUNCTION entitlement_grant(p_profile text, p_kind text, p_amount bigint, p_plan text, p_expires_at timestamptz, p_reason text, p_source text,
                                  p_origin text, p_ref text, p_actor text, p_body bytea)
RETURNS TABLE (result text, seq bigint, answer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
#variable_conflict use_column
DECLARE
  balance ent_balance;
  held    ent_subscription;
  entry   ent_ledger;
BEGIN
  RETURN QUERY SELECT * FROM ledger_repeat(p_origin, p_ref, p_body);
  IF FOUND THEN RETURN; END IF;

  SELECT * INTO balance FROM ent_balance WHERE profile = p_profile FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO profile (id) VALUES (p_profile) ON CONFLICT DO NOTHING;
    INSERT INTO ent_balance (profile) VALUES (p_profile) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT balance FROM ent_balance WHERE profile = p_profile FOR UPDATE;
  END IF;
  RETURN QUERY SELECT * FROM ledger_repeat(p_origin, p_ref, p_body);
  IF FOUND THEN RETURN; END IF;

  SELECT * INTO held FROM ent_subscription WHERE profile = p_profile;
  entry := ROW(p_profile, balance.seq + 1, clock_timestamp()::timestamptz(3), p_kind, p_amount, p_plan, p_expires_at::timestamptz(3), p_reason,
               p_source, p_origin, p_ref, p_actor, p_body, balance.coins, balance.debt, '', balance.head, NULL);
  IF p_kind = 'coins' THEN
    IF p_amount > 9007199254740991 - balance.coins THEN RETURN QUERY SELECT 'too_many', 0::bigint, NULL; RETURN; END IF;
    entry.coins := balance.coins + p_amount;
  ELSIF p_kind = 'subscription' THEN
    held := ROW(p_profile, p_plan, entry.expires_at, p_source);
  ELSIF p_plan IS NULL THEN
    IF p_amount > balance.coins THEN RETURN QUERY SELECT 'insufficient', 0::bigint, NULL; RETURN; END IF;
    entry.coins := balance.coins - p_amount;
  ELSE
    IF held.plan IS DISTINCT FROM p_plan OR held.expires_at <= entry.at THEN RETURN QUERY SELECT 'no_plan', 0::bigint, NULL; RETURN; END IF;
    held.expires_at := entry.at;
  END IF;

  entry.answer := format('{"ok":true,"entitlements":%s,"ledger":{"seq":%s,"at":"%s"}}',
    entitlements_json(entry.coins, entry.debt, held.plan, held.expires_at, held.source, entry.at), entry.seq, utc(entry.at));
  entry.head := sha256(ledger_bytes(entry));
  INSERT INTO ent_ledger VALUES (entry.*) ON CONFLICT (origin, external_ref) DO NOTHING;
  IF NOT FOUND THEN RETURN QUERY SELECT * FROM ledger_repeat(p_origin, p_ref, p_body); RETURN; END IF;

  UPDATE ent_balance SET coins = entry.coins, head = entry.head, seq = entry.seq WHERE profile = p_profile;
  IF entry.plan IS NOT NULL THEN
    INSERT INTO ent_subscription VALUES (held.*)
    ON CONFLICT (profile) DO UPDATE SET plan = excluded.plan, expires_at = excluded.expires_at, source = excluded.source;
  END IF;
  RETURN QUERY SELECT 'done', entry.seq, entry.answer;
END $$;

REVOKE ALL ON FUNCTION entitlement_grant FROM PUBLIC;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'supernova_app') THEN
    GRANT SELECT ON profile, product, ent_balance, ent_subscription, ent_ledger, schema_migration TO supernova_app;
    GRANT EXECUTE ON FUNCTION entitlement_grant TO supernova_app;
  END IF;
END $$;
