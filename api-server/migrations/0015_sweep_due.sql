-- serves-from: 1
-- A sweep that became due again while it was made is made again: what asked for it may have come behind what it had read already.

-- The sweep, where it is due (or was last made longer than p_age ago) and nobody else makes it. No row: not now.
CREATE OR REPLACE FUNCTION iap_sweep_claim(p_store text, p_owner text, p_lease interval, p_age interval) RETURNS TABLE (swept_ms bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
  UPDATE iap_sweep s SET leased_by = p_owner, leased_until = l.until, due_at = l.until
  FROM (SELECT (clock_timestamp() + p_lease)::timestamptz(3) AS until) l
  WHERE s.store = p_store AND (s.leased_until IS NULL OR s.leased_until <= clock_timestamp())
    AND (s.due_at <= clock_timestamp() OR s.swept_at IS NULL OR s.swept_at < clock_timestamp() - p_age)
  RETURNING floor(extract(epoch FROM s.swept_at) * 1000)::bigint
$$;

-- P_SWEPT_MS: everything that the store knew then is known here; null: it failed. The next one is due in p_next, or at once where it became due since.
CREATE OR REPLACE FUNCTION iap_sweep_done(p_store text, p_owner text, p_swept_ms bigint, p_next interval) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
BEGIN
  UPDATE iap_sweep s SET leased_by = NULL, leased_until = NULL, swept_at = coalesce(to_timestamp(p_swept_ms / 1000.0), s.swept_at),
    due_at = CASE WHEN s.due_at < s.leased_until THEN s.due_at ELSE clock_timestamp() + p_next END
  WHERE s.store = p_store AND s.leased_by = p_owner;
  RETURN FOUND;
END $$;
