-- serves-from: 1
-- What was heard and what was done is forgotten after 90 days. Nothing takes effect twice for it:
--
--   Google      Pub/Sub keeps a message for 31 days at most, and its token is good for an hour. What a message says is asked of Google again, and an
--               answer that is not newer than the purchase changes nothing.
--   Apple       sends a notification again for 3 days, and its history is read 30 days back. One that is replayed later has the time at which it was
--               signed, and what is not newer than the purchase changes nothing (apple_apply).
--   CollabPay   a delivery is good for 5 minutes, but the sender may sign the same payment anew years later. So an event is forgotten only where its
--               ledger row, which has the same reference and the same digest, remembers it.
--   the outbox  what is done for an hour may be owed anew (iap_effect); whether its row is still there makes no difference then.
--
-- Events that are kept for the catalogue (payload) stay until they have taken effect.

CREATE INDEX webhook_event_over ON webhook_event (received_at) WHERE payload IS NULL;
CREATE INDEX outbox_over ON outbox (done_at) WHERE done_at IS NOT NULL;

-- Up to p_batch rows of each; as long as one of the numbers is p_batch, there are more.
CREATE FUNCTION retention_purge(p_batch integer) RETURNS TABLE (events bigint, calls bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
  WITH old_events AS MATERIALIZED (
    SELECT e.source, e.id FROM webhook_event e
    WHERE e.payload IS NULL AND e.received_at < now() - interval '90 days'
      AND (e.source <> 'collabpay' OR EXISTS (SELECT FROM ent_ledger l WHERE l.origin = 'collabpay' AND l.external_ref = e.id))
    ORDER BY e.received_at LIMIT p_batch FOR UPDATE OF e SKIP LOCKED
  ), old_calls AS MATERIALIZED (
    SELECT o.id FROM outbox o WHERE o.done_at < now() - interval '90 days' ORDER BY o.done_at LIMIT p_batch FOR UPDATE SKIP LOCKED
  ), events AS (
    DELETE FROM webhook_event e USING old_events o WHERE (e.source, e.id) = (o.source, o.id) RETURNING 1
  ), calls AS (
    DELETE FROM outbox c USING old_calls o WHERE c.id = o.id RETURNING 1
  )
  SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM calls)
$$;
REVOKE ALL ON FUNCTION retention_purge FROM PUBLIC;

-- As in 0009; but the ledger is asked first, since it remembers for ever, and what the balance could not hold is tried again when it is sent again:
-- 0009 said "repeated" of what had never taken effect.
CREATE OR REPLACE FUNCTION collabpay_apply(p_event text, p_payment text, p_profile text, p_product text, p_quantity bigint, p_amount bigint, p_plan text,
                                           p_expires_at timestamptz, p_body bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
  ref    text := p_event || ':' || p_payment;
  known  webhook_event;
  item   product;
  held   ent_subscription;
  kind   text := CASE p_event WHEN 'subscription.activated' THEN 'subscription' WHEN 'subscription.cancelled' THEN 'refund' ELSE 'coins' END;
  amount bigint := p_amount;
  plan   text := p_plan;
  result text;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('supernova catalogue of collabpay'));
  SELECT l.result INTO result FROM ledger_repeat('collabpay', ref, p_body) l;
  IF FOUND THEN RETURN result; END IF;
  INSERT INTO webhook_event (source, id, body_sha256, outcome) VALUES ('collabpay', ref, p_body, 'applied') ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    SELECT * INTO STRICT known FROM webhook_event e WHERE e.source = 'collabpay' AND e.id = ref FOR UPDATE;
    IF known.body_sha256 <> p_body THEN RETURN 'conflict'; END IF;
    IF known.payload IS NULL AND known.outcome <> 'too_many' THEN RETURN 'repeated'; END IF;
  END IF;

  IF p_event = 'payment.succeeded' THEN
    SELECT * INTO item FROM product c WHERE c.store = 'collabpay' AND c.product_id = p_product;
    IF NOT FOUND THEN
      UPDATE webhook_event e SET outcome = 'unknown_product',
        payload = jsonb_build_object('payment', p_payment, 'profile', p_profile, 'product', p_product, 'quantity', p_quantity,
                                     'expires_at', p_expires_at, 'body', encode(p_body, 'hex'))
      WHERE e.source = 'collabpay' AND e.id = ref;
      RETURN 'unknown_product';
    END IF;
    amount := item.coins * p_quantity;
    plan := item.plan;
    kind := CASE WHEN plan IS NULL THEN 'coins' ELSE 'subscription' END;
  END IF;

  PERFORM iap_lock(p_profile);
  -- Cancelled to an end that is still to come: the plan stays until then, where it is held at all.
  IF p_event = 'subscription.cancelled' AND p_expires_at > clock_timestamp() THEN
    SELECT * INTO held FROM ent_subscription s WHERE s.profile = p_profile AND s.plan = p_plan;
    IF FOUND AND (held.expires_at IS NULL OR held.expires_at > p_expires_at) THEN kind := 'subscription'; ELSE kind := NULL; END IF;
  END IF;
  result := CASE WHEN amount > 9007199254740991 THEN 'too_many' WHEN kind IS NULL THEN 'done' END;
  IF result IS NULL THEN
    SELECT g.result INTO result
    FROM entitlement_grant(p_profile, kind, amount, plan, CASE kind WHEN 'subscription' THEN p_expires_at END, p_event, 'collabpay', 'collabpay', ref,
                           'collabpay', p_body) g;
  END IF;
  UPDATE webhook_event e SET outcome = CASE result WHEN 'too_many' THEN result ELSE 'applied' END, payload = NULL
  WHERE e.source = 'collabpay' AND e.id = ref;
  RETURN result;
END $$;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'supernova_app') THEN GRANT EXECUTE ON FUNCTION retention_purge TO supernova_app; END IF;
END $$;
