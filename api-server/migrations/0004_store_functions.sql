-- serves-from: 1
-- How purchases take effect. Two ways in, iap_apply (a store's answer or signed statement) and iap_void (a store took an order back); both end in
-- iap_effect, which brings the ledger and the outbox to what the purchase is worth now. Whatever they write commits together, or not at all.
--
-- Locks, in this order: the event's row, the balances of the profiles concerned (by id), purchases.

CREATE FUNCTION iap_source(purchase iap_purchase) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT purchase.store || CASE purchase.environment WHEN 'sandbox' THEN '-sandbox' ELSE '' END $$;

-- Until when the purchase gives its plan; null: it doesn't.
CREATE FUNCTION iap_access(purchase iap_purchase) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN purchase.plan IS NOT NULL AND purchase.state IN ('active', 'grace', 'cancelled') THEN coalesce(purchase.expires_at, 'infinity') END
$$;

CREATE FUNCTION iap_lock(VARIADIC p_profiles text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE p text;
BEGIN
  FOR p IN SELECT DISTINCT id FROM unnest(p_profiles) AS id WHERE id IS NOT NULL ORDER BY id LOOP
    INSERT INTO profile (id) VALUES (p) ON CONFLICT DO NOTHING;
    INSERT INTO ent_balance (profile) VALUES (p) ON CONFLICT DO NOTHING;
    PERFORM FROM ent_balance WHERE profile = p FOR UPDATE;
  END LOOP;
END $$;

-- What its coins should come to now; where that isn't granted - debited, the balance had no room.
CREATE FUNCTION iap_worth(purchase iap_purchase) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN purchase.state = 'pending' OR purchase.coins IS NULL THEN 0 ELSE purchase.coins * (purchase.quantity - purchase.refunded_quantity) END
$$;

-- One ledger row of a purchase; its reference says which. `entries` stays where the balance can't hold it.
CREATE FUNCTION iap_entry(purchase iap_purchase, p_kind text, p_amount bigint, p_plan text, p_until timestamptz, p_why text) RETURNS iap_purchase
LANGUAGE plpgsql AS $$
DECLARE
  ref     text := iap_source(purchase) || ':' || encode(sha256(convert_to(purchase.token, 'UTF8')), 'hex') || ':' || purchase.entries + 1;
  outcome text;
BEGIN
  SELECT g.result INTO outcome FROM entitlement_grant(purchase.profile, p_kind, p_amount, p_plan, p_until,
    concat_ws(', ', p_why, 'order ' || purchase.order_id, CASE WHEN purchase.test THEN 'test purchase' END), iap_source(purchase), purchase.store, ref,
    purchase.store, sha256(convert_to(concat_ws(':', ref, p_kind, p_amount, p_plan, p_until), 'UTF8'))) g;
  IF outcome NOT IN ('done', 'too_many') THEN RAISE EXCEPTION 'the ledger says % to a store''s purchase', outcome; END IF;
  purchase.entries := purchase.entries + (outcome = 'done')::integer;
  RETURN purchase;
END $$;

-- The profile's plan is the one of its purchases that lasts longest. What others than stores have given is never shortened, nor ended.
CREATE FUNCTION iap_settle(purchase iap_purchase, p_why text) RETURNS iap_purchase LANGUAGE plpgsql AS $$
DECLARE
  held    ent_subscription;
  best    iap_purchase;
  now_at  timestamptz(3) := clock_timestamp();
  ends_at timestamptz(3);
  active  boolean;
  ours    boolean;
BEGIN
  SELECT * INTO held FROM ent_subscription s WHERE s.profile = purchase.profile;
  active := held.plan IS NOT NULL AND (held.expires_at IS NULL OR held.expires_at > now_at);
  ours := held.source IN ('google', 'apple', 'google-sandbox', 'apple-sandbox');
  SELECT * INTO best FROM iap_purchase p WHERE p.profile = purchase.profile AND iap_access(p) > now_at ORDER BY iap_access(p) DESC, p.created_at LIMIT 1;
  IF best.profile IS NOT NULL THEN
    ends_at := nullif(iap_access(best), 'infinity');
    IF held.plan = best.plan AND held.expires_at IS NOT DISTINCT FROM ends_at THEN RETURN purchase; END IF;
    IF active AND NOT ours AND held.plan = best.plan AND (held.expires_at IS NULL OR held.expires_at > ends_at) THEN RETURN purchase; END IF;
    RETURN iap_entry(purchase, 'subscription', NULL, best.plan, ends_at, p_why);
  ELSIF active AND ours AND purchase.state = 'refunded' THEN
    RETURN iap_entry(purchase, 'refund', NULL, held.plan, NULL, p_why);
  ELSIF active AND ours THEN
    RETURN iap_entry(purchase, 'subscription', NULL, held.plan, now_at, p_why);
  END IF;
  RETURN purchase;
END $$;

CREATE FUNCTION iap_answer(purchase iap_purchase) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format('{"ok":true,"purchase":{"store":%s,"productId":%s,"type":%s,"state":%s,"quantity":%s,"expiresAt":%s,"test":%s},"entitlements":%s}',
    to_json(purchase.store), to_json(purchase.product_id), to_json(purchase.type), to_json(purchase.state), purchase.quantity,
    coalesce(to_json(utc(purchase.expires_at))::text, 'null'), (purchase.test OR purchase.environment = 'sandbox')::text,
    entitlements_json(b.coins, b.debt, s.plan, s.expires_at, s.source, clock_timestamp()))
  FROM ent_balance b LEFT JOIN ent_subscription s ON s.profile = b.profile WHERE b.profile = purchase.profile
$$;

-- Brings ledger and outbox to what PURCHASE is worth now, and stores it. Where its coins find no room nothing is owed to the store, which takes the
-- purchase back.
CREATE FUNCTION iap_effect(purchase iap_purchase, p_changed boolean) RETURNS iap_purchase LANGUAGE plpgsql AS $$
DECLARE
  entries_before integer := purchase.entries;
  worth          bigint := iap_worth(purchase);
  why            text := purchase.state || ' ' || purchase.product_id;
  owed           text := CASE WHEN purchase.coins IS NOT NULL THEN 'consume' ELSE 'acknowledge' END;
BEGIN
  IF worth > 0 AND purchase.granted = 0 THEN
    purchase := iap_entry(purchase, 'coins', worth, NULL, NULL, why);
    IF purchase.entries > entries_before THEN purchase.granted := worth; END IF;
  ELSIF worth < purchase.granted - purchase.debited THEN
    purchase := iap_entry(purchase, 'refund', purchase.granted - purchase.debited - worth, NULL, NULL, why);
    IF purchase.entries > entries_before THEN purchase.debited := purchase.granted - worth; END IF;
  END IF;
  UPDATE iap_purchase p SET state = purchase.state, expires_at = purchase.expires_at, plan = purchase.plan, coins = purchase.coins
  WHERE (p.store, p.environment, p.token) = (purchase.store, purchase.environment, purchase.token);
  IF purchase.plan IS NOT NULL THEN purchase := iap_settle(purchase, why); END IF;

  IF p_changed OR purchase.entries > entries_before THEN
    purchase.answer := iap_answer(purchase);
    purchase.updated_at := clock_timestamp();
  END IF;
  UPDATE iap_purchase p SET product_id = purchase.product_id, observed_at = purchase.observed_at, order_id = purchase.order_id,
    purchased_at = purchase.purchased_at, auto_renew = purchase.auto_renew, test = purchase.test, quantity = purchase.quantity,
    refunded_quantity = purchase.refunded_quantity, linked_token = purchase.linked_token, acknowledged = purchase.acknowledged,
    consumed = purchase.consumed, granted = purchase.granted, debited = purchase.debited, voided_order = purchase.voided_order,
    entries = purchase.entries, answer = purchase.answer, updated_at = purchase.updated_at
  WHERE (p.store, p.environment, p.token) = (purchase.store, purchase.environment, purchase.token);

  -- What was called an hour ago and is still not so is called again; within the hour the store's own copies may lag.
  IF worth = purchase.granted - purchase.debited AND purchase.store = 'google' AND purchase.state IN ('active', 'grace', 'cancelled')
     AND NOT (CASE owed WHEN 'consume' THEN purchase.consumed ELSE purchase.acknowledged END) THEN
    INSERT INTO outbox (store, environment, token, action, deadline_at)
    VALUES (purchase.store, purchase.environment, purchase.token, owed, coalesce(purchase.purchased_at, clock_timestamp()) + interval '3 days')
    ON CONFLICT (store, environment, token, action) DO UPDATE SET done_at = NULL, outcome = NULL, due_at = clock_timestamp()
    WHERE outbox.done_at < purchase.observed_at - interval '1 hour';
  END IF;
  RETURN purchase;
END $$;

CREATE FUNCTION iap_refuse(seen iap_purchase, p_why text, p_claimant text, p_holder text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO iap_conflict (store, environment, token, why, claimant, holder)
  VALUES (seen.store, seen.environment, seen.token, p_why, p_claimant, p_holder) ON CONFLICT DO NOTHING
$$;

-- An event that has no other effect; false: it was here before.
CREATE FUNCTION webhook_note(p_source text, p_id text, p_body_sha256 bytea, p_outcome text, p_payload text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
BEGIN
  INSERT INTO webhook_event (source, id, body_sha256, outcome, payload) VALUES (p_source, p_id, p_body_sha256, p_outcome, p_payload)
  ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;

-- A purchase as its store shows it. SEEN holds the columns of iap_purchase down to `consumed` by their names, and `account`: what the store was told
-- about the buyer (the profile's id, or its SHA-256 in lower-case hex), where it was. P_PROFILE asks for it; null: an event did, which finds the
-- profile by the purchase, by the one that it replaces, or by the account. Results:
--   done       applied now                                  repeated          nothing has changed; the answer is that of then
--   stale      something newer is known already             duplicate         the event was here before
--   taken      another profile has it                       mismatch          it was bought for another account
--   unknown_product   the catalogue doesn't have it         unknown_purchase  an event, and nobody has asked for the purchase yet
--   too_many   the balance can't hold the coins
-- ANSWER is what the client is told, of done, repeated and stale; HOLDER the profile that has it.
CREATE FUNCTION iap_apply(p_seen jsonb, p_profile text, p_event text, p_event_sha256 bytea, p_event_payload text)
RETURNS TABLE (result text, answer text, holder text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
  seen    iap_purchase := jsonb_populate_record(NULL::iap_purchase, p_seen);
  account text := p_seen ->> 'account';
  row_    iap_purchase;
  old     iap_purchase;
  linked  text;
  item    product;
  changed boolean;
  before  integer;
BEGIN
  IF p_event IS NOT NULL THEN
    INSERT INTO webhook_event (source, id, body_sha256, outcome) VALUES (seen.store, p_event, p_event_sha256, 'applied') ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN QUERY SELECT 'duplicate', NULL, NULL; RETURN; END IF;
  END IF;
  seen.test := coalesce(seen.test, false);
  seen.quantity := coalesce(seen.quantity, 1);
  seen.refunded_quantity := CASE seen.state WHEN 'refunded' THEN seen.quantity ELSE coalesce(seen.refunded_quantity, 0) END;
  seen.acknowledged := coalesce(seen.acknowledged, false);
  seen.consumed := coalesce(seen.consumed, false);

  SELECT p.profile INTO holder FROM iap_purchase p WHERE (p.store, p.environment, p.token) = (seen.store, seen.environment, seen.token);
  SELECT p.profile INTO linked FROM iap_purchase p WHERE (p.store, p.environment, p.token) = (seen.store, seen.environment, seen.linked_token);
  SELECT * INTO item FROM product c WHERE c.store = seen.store AND c.product_id = seen.product_id;
  result := CASE WHEN holder <> p_profile THEN 'taken'
                 WHEN holder IS NULL AND p_profile IS NOT NULL AND account NOT IN (p_profile, encode(sha256(convert_to(p_profile, 'UTF8')), 'hex'))
                 THEN 'mismatch' END;
  IF result IS NOT NULL THEN
    PERFORM iap_refuse(seen, CASE result WHEN 'taken' THEN 'token' ELSE 'account' END, p_profile, coalesce(holder, account));
    holder := coalesce(holder, account);
    RETURN NEXT;
    RETURN;
  END IF;
  IF holder IS NULL AND item.product_id IS NULL THEN
    result := 'unknown_product';
  ELSE
    holder := coalesce(holder, p_profile, linked, (SELECT id FROM profile WHERE id = account AND seen.environment = 'production'));
    IF holder IS NULL THEN result := 'unknown_purchase'; END IF;
  END IF;
  IF result IS NOT NULL THEN
    UPDATE webhook_event e SET outcome = result, payload = CASE result WHEN 'unknown_product' THEN p_event_payload END
    WHERE e.source = seen.store AND e.id = p_event;
    RETURN NEXT;
    RETURN;
  END IF;

  PERFORM iap_lock(holder, linked);
  INSERT INTO iap_purchase (store, environment, token, profile, type, product_id, state, observed_at, coins, plan, purchased_at, test)
  VALUES (seen.store, seen.environment, seen.token, holder, seen.type, seen.product_id, 'pending', '-infinity', item.coins, item.plan,
          seen.purchased_at, seen.test) ON CONFLICT DO NOTHING;
  SELECT * INTO STRICT row_ FROM iap_purchase p WHERE (p.store, p.environment, p.token) = (seen.store, seen.environment, seen.token) FOR UPDATE;
  IF row_.profile <> holder THEN
    PERFORM iap_refuse(seen, 'token', holder, row_.profile);
    RETURN QUERY SELECT 'taken', NULL, row_.profile;
    RETURN;
  END IF;
  IF seen.observed_at <= row_.observed_at THEN
    UPDATE webhook_event e SET outcome = 'stale' WHERE e.source = seen.store AND e.id = p_event;
    RETURN QUERY SELECT 'stale', coalesce(row_.answer, iap_answer(row_)), holder;
    RETURN;
  END IF;

  -- What a store has taken back stays so, except that a subscription may be paid anew; what was replaced stays replaced.
  IF row_.state = 'replaced' OR (row_.state = 'refunded' AND seen.type = 'product') OR seen.order_id = row_.voided_order THEN
    seen.state := CASE row_.state WHEN 'replaced' THEN 'replaced' ELSE 'refunded' END;
  END IF;
  seen.refunded_quantity := least(greatest(seen.refunded_quantity, row_.refunded_quantity,
                                           CASE WHEN seen.state = 'refunded' AND seen.type = 'product' THEN seen.quantity END), seen.quantity);
  changed := row_.answer IS NULL OR (row_.state, row_.product_id, row_.quantity, row_.refunded_quantity, row_.expires_at, row_.auto_renew, row_.order_id) IS DISTINCT FROM
             (seen.state, seen.product_id, seen.quantity, seen.refunded_quantity, seen.expires_at, seen.auto_renew, seen.order_id);
  -- What a product was worth when it was bought it stays worth; another one, of a subscription, is another matter.
  IF seen.product_id <> row_.product_id AND item.product_id IS NOT NULL THEN
    row_.coins := item.coins;
    row_.plan := item.plan;
  END IF;
  row_.product_id := seen.product_id;
  row_.state := seen.state;
  row_.observed_at := seen.observed_at;
  row_.order_id := coalesce(seen.order_id, row_.order_id);
  row_.purchased_at := coalesce(seen.purchased_at, row_.purchased_at);
  row_.expires_at := seen.expires_at;
  row_.auto_renew := seen.auto_renew;
  row_.test := seen.test;
  row_.quantity := seen.quantity;
  row_.refunded_quantity := seen.refunded_quantity;
  row_.linked_token := coalesce(seen.linked_token, row_.linked_token);
  row_.acknowledged := row_.acknowledged OR seen.acknowledged;
  row_.consumed := row_.consumed OR seen.consumed;
  IF row_.state <> 'pending' THEN
    UPDATE iap_purchase p SET state = 'replaced', answer = NULL
    WHERE (p.store, p.environment, p.token) = (row_.store, row_.environment, row_.linked_token) AND p.state NOT IN ('replaced', 'refunded')
    RETURNING * INTO old;
  END IF;
  before := row_.entries;
  row_ := iap_effect(row_, changed);
  IF old.profile <> row_.profile THEN PERFORM iap_effect(old, true); END IF;
  result := CASE WHEN iap_worth(row_) <> row_.granted - row_.debited THEN 'too_many' WHEN changed OR row_.entries > before THEN 'done' ELSE 'repeated' END;
  answer := row_.answer;
  IF result = 'too_many' THEN UPDATE webhook_event e SET outcome = 'too_many' WHERE e.source = seen.store AND e.id = p_event; END IF;
  RETURN NEXT;
END $$;

-- A store took ORDER back (null: whatever was paid last), all of it. Results: done, repeated (it is known), unknown_purchase; older: a period of a
-- subscription that has been paid anew since, which changes nothing.
CREATE FUNCTION iap_void(p_store text, p_token text, p_order text) RETURNS TABLE (result text, holder text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
  row_ iap_purchase;
BEGIN
  SELECT p.profile INTO holder FROM iap_purchase p WHERE p.store = p_store AND p.token = p_token;
  IF NOT FOUND THEN RETURN QUERY SELECT 'unknown_purchase', NULL; RETURN; END IF;
  PERFORM iap_lock(holder);
  SELECT * INTO STRICT row_ FROM iap_purchase p WHERE p.store = p_store AND p.token = p_token FOR UPDATE;
  result := CASE WHEN row_.type = 'subscription' AND p_order <> row_.order_id THEN 'older'
                 WHEN row_.state = 'refunded' AND row_.voided_order IS NOT DISTINCT FROM coalesce(p_order, row_.order_id) THEN 'repeated' END;
  IF result IS NOT NULL THEN RETURN NEXT; RETURN; END IF;
  row_.state := 'refunded';
  row_.voided_order := coalesce(p_order, row_.order_id);
  IF row_.type = 'product' THEN row_.refunded_quantity := row_.quantity; END IF;
  PERFORM iap_effect(row_, true);
  result := 'done';
  RETURN NEXT;
END $$;

-- Up to N rows that are due, held by OWNER for p_lease. They come with what their call needs.
CREATE FUNCTION outbox_claim(p_store text, p_owner text, p_lease interval, p_count integer)
RETURNS TABLE (id bigint, action text, environment text, token text, type text, product_id text, attempts integer, overdue boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
  WITH due AS (
    SELECT o.id FROM outbox o
    WHERE o.store = p_store AND o.done_at IS NULL AND o.due_at <= clock_timestamp() AND (o.leased_until IS NULL OR o.leased_until <= clock_timestamp())
    ORDER BY o.due_at LIMIT p_count FOR UPDATE SKIP LOCKED
  ), claimed AS (
    UPDATE outbox o SET leased_by = p_owner, leased_until = clock_timestamp() + p_lease, attempts = o.attempts + 1 FROM due WHERE o.id = due.id
    RETURNING o.*
  )
  SELECT c.id, c.action, c.environment, c.token, p.type, p.product_id, c.attempts, c.deadline_at <= clock_timestamp()
  FROM claimed c JOIN iap_purchase p USING (store, environment, token)
$$;

-- What became of a row that OWNER holds: done, obsolete, or null: tried again, later each time (2 s doubling to an hour). False: it holds it no more.
CREATE FUNCTION outbox_done(p_id bigint, p_owner text, p_outcome text, p_error text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE done outbox;
BEGIN
  UPDATE outbox o SET leased_by = NULL, leased_until = NULL, last_error = left(p_error, 256), outcome = p_outcome,
    done_at = CASE WHEN p_outcome IS NOT NULL THEN clock_timestamp() END,
    due_at = clock_timestamp() + least(interval '1 hour', interval '1 second' * power(2, least(o.attempts, 12)))
  WHERE o.id = p_id AND o.leased_by = p_owner AND o.done_at IS NULL RETURNING * INTO done;
  IF NOT FOUND THEN RETURN false; END IF;
  IF p_outcome = 'done' THEN
    UPDATE iap_purchase p SET acknowledged = true, consumed = p.consumed OR done.action = 'consume'
    WHERE (p.store, p.environment, p.token) = (done.store, done.environment, done.token);
  END IF;
  RETURN true;
END $$;

-- The sweep, where it is due (or was last made longer than p_age ago) and nobody else makes it. No row: not now.
CREATE FUNCTION iap_sweep_claim(p_store text, p_owner text, p_lease interval, p_age interval) RETURNS TABLE (swept_ms bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
  UPDATE iap_sweep s SET leased_by = p_owner, leased_until = clock_timestamp() + p_lease
  WHERE s.store = p_store AND (s.leased_until IS NULL OR s.leased_until <= clock_timestamp())
    AND (s.due_at <= clock_timestamp() OR s.swept_at IS NULL OR s.swept_at < clock_timestamp() - p_age)
  RETURNING floor(extract(epoch FROM s.swept_at) * 1000)::bigint
$$;

-- P_SWEPT_MS: everything that the store knew then is known here; null: it failed. The next one is due in p_next.
CREATE FUNCTION iap_sweep_done(p_store text, p_owner text, p_swept_ms bigint, p_next interval) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
BEGIN
  UPDATE iap_sweep s SET leased_by = NULL, leased_until = NULL, due_at = clock_timestamp() + p_next,
    swept_at = coalesce(to_timestamp(p_swept_ms / 1000.0), s.swept_at)
  WHERE s.store = p_store AND s.leased_by = p_owner;
  RETURN FOUND;
END $$;

-- The next sweep is due at once: something told that the store has taken something back.
CREATE FUNCTION iap_sweep_hasten(p_store text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS
$$ UPDATE iap_sweep SET due_at = least(due_at, clock_timestamp()) WHERE store = p_store $$;

DO $$
DECLARE f text;
BEGIN
  FOREACH f IN ARRAY ARRAY['iap_lock', 'iap_entry', 'iap_settle', 'iap_effect', 'iap_refuse'] LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %I FROM PUBLIC', f);
  END LOOP;
  FOREACH f IN ARRAY ARRAY['webhook_note', 'iap_apply', 'iap_void', 'outbox_claim', 'outbox_done', 'iap_sweep_claim', 'iap_sweep_done', 'iap_sweep_hasten'] LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %I FROM PUBLIC', f);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'supernova_app') THEN EXECUTE format('GRANT EXECUTE ON FUNCTION %I TO supernova_app', f); END IF;
  END LOOP;
END $$;
