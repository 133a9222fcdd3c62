-- serves-from: 1
-- What was made due a moment ago is due. Times are kept in whole milliseconds, rounded, so half of them lay ahead of the clock for a part of a
-- millisecond, in which whoever had made it so looked for it, and then waited for the next look. Rounded alike, a later time is never the earlier one.

-- As in 0004, but for what "now" is.
CREATE OR REPLACE FUNCTION outbox_claim(p_store text, p_owner text, p_lease interval, p_count integer)
RETURNS TABLE (id bigint, action text, environment text, token text, type text, product_id text, attempts integer, overdue boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
  WITH due AS (
    SELECT o.id FROM outbox o
    WHERE o.store = p_store AND o.done_at IS NULL AND o.due_at <= clock_timestamp()::timestamptz(3)
      AND (o.leased_until IS NULL OR o.leased_until <= clock_timestamp()::timestamptz(3))
    ORDER BY o.due_at LIMIT p_count FOR UPDATE SKIP LOCKED
  ), claimed AS (
    UPDATE outbox o SET leased_by = p_owner, leased_until = clock_timestamp() + p_lease, attempts = o.attempts + 1 FROM due WHERE o.id = due.id
    RETURNING o.*
  )
  SELECT c.id, c.action, c.environment, c.token, p.type, p.product_id, c.attempts, c.deadline_at <= clock_timestamp()
  FROM claimed c JOIN iap_purchase p USING (store, environment, token)
$$;

-- As in 0015, but for what "now" is.
CREATE OR REPLACE FUNCTION iap_sweep_claim(p_store text, p_owner text, p_lease interval, p_age interval) RETURNS TABLE (swept_ms bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
  UPDATE iap_sweep s SET leased_by = p_owner, leased_until = l.now_at + p_lease, due_at = l.now_at + p_lease
  FROM (SELECT clock_timestamp()::timestamptz(3) AS now_at) l
  WHERE s.store = p_store AND (s.leased_until IS NULL OR s.leased_until <= l.now_at)
    AND (s.due_at <= l.now_at OR s.swept_at IS NULL OR s.swept_at < l.now_at - p_age)
  RETURNING floor(extract(epoch FROM s.swept_at) * 1000)::bigint
$$;
