-- serves-from: 1
-- A plan that nobody's name stands behind is not a store's: 0004 let purchases shorten and end it.

-- The profile's plan is the one of its purchases that lasts longest. What others than stores have given is never shortened, nor ended.
CREATE OR REPLACE FUNCTION iap_settle(purchase iap_purchase, p_why text) RETURNS iap_purchase LANGUAGE plpgsql AS $$
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
  ours := coalesce(held.source IN ('google', 'apple', 'google-sandbox', 'apple-sandbox'), false);
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
