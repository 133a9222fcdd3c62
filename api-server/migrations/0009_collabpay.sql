-- serves-from: 1
-- How CollabPay's events take effect: each once by (event, payment), in one transaction with the ledger row that it makes.
--
-- An event whose product the catalogue doesn't have is kept in webhook_event, as it was understood, and applied when the product is put into the
-- catalogue, or when CollabPay sends it again. The advisory lock makes the two see each other: events share it, a new product holds it alone.
--
-- Locks, in this order: the advisory one, the event's row, the balance of the profile.

-- Results: done; repeated (it was here before); conflict (it was, with another body: nothing is done); unknown_product (kept); too_many (the
-- balance can't hold the coins).
CREATE FUNCTION collabpay_apply(p_event text, p_payment text, p_profile text, p_product text, p_quantity bigint, p_amount bigint, p_plan text,
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
  INSERT INTO webhook_event (source, id, body_sha256, outcome) VALUES ('collabpay', ref, p_body, 'applied') ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    SELECT * INTO STRICT known FROM webhook_event e WHERE e.source = 'collabpay' AND e.id = ref FOR UPDATE;
    IF known.body_sha256 <> p_body THEN RETURN 'conflict'; END IF;
    IF known.payload IS NULL THEN RETURN 'repeated'; END IF;
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
REVOKE ALL ON FUNCTION collabpay_apply FROM PUBLIC;

CREATE FUNCTION collabpay_apply_kept() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  kept jsonb;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('supernova catalogue of collabpay'));
  FOR kept IN SELECT e.payload FROM webhook_event e
              WHERE e.source = 'collabpay' AND e.payload IS NOT NULL AND e.payload::jsonb ->> 'product' = NEW.product_id ORDER BY e.received_at LOOP
    PERFORM collabpay_apply('payment.succeeded', kept ->> 'payment', kept ->> 'profile', NEW.product_id, (kept ->> 'quantity')::bigint, NULL, NULL,
                            (kept ->> 'expires_at')::timestamptz, decode(kept ->> 'body', 'hex'));
  END LOOP;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION collabpay_apply_kept FROM PUBLIC;
CREATE TRIGGER collabpay_apply_kept AFTER INSERT ON product FOR EACH ROW WHEN (NEW.store = 'collabpay') EXECUTE FUNCTION collabpay_apply_kept();

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'supernova_app') THEN
    GRANT EXECUTE ON FUNCTION collabpay_apply TO supernova_app;
  END IF;
END $$;
