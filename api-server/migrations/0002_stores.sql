-- serves-from: 1
-- What the stores sold and to whom, what we owe them for it, and what they told us. Functions that write here follow in a later file; the role
-- that serves requests may only read.

-- One purchase, as its store last showed it and as far as it took effect. The key is what the store keeps for the life of the purchase: Google's
-- purchaseToken; Apple's originalTransactionId of a subscription, else the transactionId.
CREATE TABLE iap_purchase (
  store             text COLLATE "C" NOT NULL CHECK (store IN ('google', 'apple')),
  environment       text COLLATE "C" NOT NULL CHECK (environment IN ('production', 'sandbox')),
  token             text COLLATE "C" NOT NULL CHECK (octet_length(token) BETWEEN 1 AND 2048),
  profile           text COLLATE "C" NOT NULL REFERENCES profile (id), -- for ever
  type              text COLLATE "C" NOT NULL CHECK (type IN ('product', 'subscription')),
  product_id        text COLLATE "C" NOT NULL CHECK (octet_length(product_id) BETWEEN 1 AND 256),
  -- pending: not paid yet. active; grace: not paid, but may go on; cancelled: until expires_at. hold, paused, expired: over for now. refunded: also
  -- one that was given up before it was paid. replaced: by the purchase whose linked_token it is. Access comes with active, grace and cancelled.
  state             text COLLATE "C" NOT NULL
                    CHECK (state IN ('pending', 'active', 'grace', 'cancelled', 'hold', 'paused', 'expired', 'refunded', 'replaced')),
  observed_at       timestamptz(3) NOT NULL, -- when the store's answer was asked for (Google), or signed (Apple); older ones change nothing
  order_id          text CHECK (octet_length(order_id) <= 256), -- of the newest period: Google's orderId, Apple's transactionId
  purchased_at      timestamptz(3),
  expires_at        timestamptz(3), -- null: without end
  auto_renew        boolean,
  test              boolean NOT NULL DEFAULT false, -- nobody paid
  quantity          integer NOT NULL DEFAULT 1 CHECK (quantity > 0),
  refunded_quantity integer NOT NULL DEFAULT 0 CHECK (refunded_quantity BETWEEN 0 AND quantity),
  linked_token      text CHECK (octet_length(linked_token) <= 2048), -- of the purchase that this one replaces
  acknowledged      boolean NOT NULL DEFAULT false,
  consumed          boolean NOT NULL DEFAULT false,

  -- its effect: one unit's coins or the plan, as the catalogue said at first; coins given and taken back so far; ledger rows made
  coins             bigint CHECK (coins > 0),
  plan              text COLLATE "C",
  granted           bigint NOT NULL DEFAULT 0 CHECK (granted >= 0),
  debited           bigint NOT NULL DEFAULT 0 CHECK (debited BETWEEN 0 AND granted),
  voided_order      text, -- the order that the store took back; a later one is another matter
  entries           integer NOT NULL DEFAULT 0,
  answer            text, -- what the client was told when it last changed: a repeat is told the same
  created_at        timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  updated_at        timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (store, environment, token),
  CHECK ((coins IS NULL) <> (plan IS NULL))
);
CREATE INDEX iap_purchase_profile ON iap_purchase (profile);
CREATE INDEX iap_purchase_token ON iap_purchase (store, token);

CREATE FUNCTION iap_purchase_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a purchase belongs to one profile for ever' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER one_profile BEFORE UPDATE ON iap_purchase FOR EACH ROW WHEN (OLD.profile <> NEW.profile) EXECUTE FUNCTION iap_purchase_keep();
CREATE TRIGGER no_delete BEFORE DELETE ON iap_purchase FOR EACH ROW EXECUTE FUNCTION iap_purchase_keep();

-- Who asked for what isn't theirs. token: another profile has the purchase; account: the store was told of another account at the purchase.
CREATE TABLE iap_conflict (
  at          timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  store       text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  token       text COLLATE "C" NOT NULL,
  why         text COLLATE "C" NOT NULL CHECK (why IN ('token', 'account')),
  claimant    text COLLATE "C" NOT NULL,
  holder      text COLLATE "C" NOT NULL, -- the profile; of account: what the store was told
  PRIMARY KEY (store, environment, token, why, claimant)
);

-- Calls that we owe a store. A row is written in the transaction of what it is owed for; whoever claims it holds it until leased_until, calls with
-- no transaction open, and says how it went. One that dies leaves the row to the next.
CREATE TABLE outbox (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  store        text COLLATE "C" NOT NULL,
  environment  text COLLATE "C" NOT NULL,
  token        text COLLATE "C" NOT NULL,
  action       text COLLATE "C" NOT NULL CHECK (action IN ('acknowledge', 'consume')),
  created_at   timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  deadline_at  timestamptz(3) NOT NULL, -- afterwards the store takes the purchase back
  due_at       timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  attempts     integer NOT NULL DEFAULT 0, -- claims so far
  leased_by    text,
  leased_until timestamptz(3),
  done_at      timestamptz(3),
  outcome      text COLLATE "C" CHECK (outcome IN ('done', 'obsolete')), -- obsolete: the store has taken the purchase back, or forgotten it
  last_error   text CHECK (octet_length(last_error) <= 1024),
  UNIQUE (store, environment, token, action),
  FOREIGN KEY (store, environment, token) REFERENCES iap_purchase (store, environment, token),
  CHECK ((done_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE done_at IS NULL;

-- Every message of a sender that took effect, or is kept because it might. The row is written in the effect's own transaction: what is here twice
-- is a duplicate.
CREATE TABLE webhook_event (
  source      text COLLATE "C" NOT NULL CHECK (source IN ('google', 'apple', 'collabpay')),
  id          text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 256),
  body_sha256 bytea NOT NULL CHECK (octet_length(body_sha256) = 32),
  received_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  outcome     text COLLATE "C" NOT NULL CHECK (octet_length(outcome) BETWEEN 1 AND 64), -- applied, stale, unknown_product, …
  payload     text, -- of those that may be applied later: unknown_product
  PRIMARY KEY (source, id)
);
CREATE INDEX webhook_event_kept ON webhook_event (source, received_at) WHERE payload IS NOT NULL;

-- When a store's list of what it took back was last read to its end. One worker of all reads it.
CREATE TABLE iap_sweep (
  store        text COLLATE "C" PRIMARY KEY CHECK (store IN ('google', 'apple')),
  swept_at     timestamptz(3), -- everything before it is known; null: never
  due_at       timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  leased_by    text,
  leased_until timestamptz(3)
);
INSERT INTO iap_sweep (store) VALUES ('google'), ('apple');

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'supernova_app') THEN
    GRANT SELECT ON iap_purchase, iap_conflict, outbox, webhook_event, iap_sweep TO supernova_app;
  END IF;
END $$;
