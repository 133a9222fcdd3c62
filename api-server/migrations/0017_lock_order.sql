-- serves-from: 1
-- Two functions lock in the order of all the others now: the balances of profiles by id, then purchases, then their rows of the outbox.

-- As in 0004, which took the row of the outbox first: a notification of the same purchase and the report that its call is done could each hold what
-- the other waits for.
CREATE OR REPLACE FUNCTION outbox_done(p_id bigint, p_owner text, p_outcome text, p_error text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE done outbox;
BEGIN
  IF p_outcome = 'done' THEN
    PERFORM FROM iap_purchase p JOIN outbox o USING (store, environment, token) WHERE o.id = p_id FOR UPDATE OF p;
  END IF;
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

-- As in 0009, which applied what was kept in the order in which it came, whosever it was; of one profile that order stays.
CREATE OR REPLACE FUNCTION collabpay_apply_kept() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  kept jsonb;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('supernova catalogue of collabpay'));
  FOR kept IN SELECT e.payload FROM webhook_event e
              WHERE e.source = 'collabpay' AND e.payload IS NOT NULL AND e.payload::jsonb ->> 'product' = NEW.product_id
              ORDER BY e.payload::jsonb ->> 'profile', e.received_at LOOP
    PERFORM collabpay_apply('payment.succeeded', kept ->> 'payment', kept ->> 'profile', NEW.product_id, (kept ->> 'quantity')::bigint, NULL, NULL,
                            (kept ->> 'expires_at')::timestamptz, decode(kept ->> 'body', 'hex'));
  END LOOP;
  RETURN NULL;
END $$;
