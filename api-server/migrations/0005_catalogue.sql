-- serves-from: 1
-- The catalogue is changed by admins, each change a new revision: what an entity tag names.

ALTER TABLE product ADD COLUMN revision bigint NOT NULL DEFAULT 1 CHECK (revision > 0);

-- Replaces or makes one. Results: created, replaced (also where nothing differs; the revision stays then), stale (nothing was written).
-- p_match and p_unless are what If-Match and If-None-Match name: revisions, 0 for "*", null without the field.
CREATE FUNCTION product_put(p_store text, p_product_id text, p_coins bigint, p_plan text, p_match bigint[], p_unless bigint[])
RETURNS TABLE (result text, revision bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
#variable_conflict use_column
DECLARE
  held product;
BEGIN
  -- twice, where somebody else makes it in between
  LOOP
    SELECT * INTO held FROM product WHERE store = p_store AND product_id = p_product_id FOR UPDATE;
    IF p_match IS NOT NULL AND NOT coalesce(ARRAY[0, held.revision] && p_match AND held.revision > 0, false)
       OR held.revision > 0 AND ARRAY[0, held.revision] && p_unless THEN
      RETURN QUERY SELECT 'stale', coalesce(held.revision, 0::bigint);
      RETURN;
    END IF;
    IF held.revision > 0 THEN
      RETURN QUERY UPDATE product p SET coins = p_coins, plan = p_plan,
        revision = p.revision + CASE WHEN (p.coins, p.plan) IS DISTINCT FROM (p_coins, p_plan) THEN 1 ELSE 0 END
        WHERE p.store = p_store AND p.product_id = p_product_id RETURNING 'replaced', p.revision;
      RETURN;
    END IF;
    RETURN QUERY INSERT INTO product AS p (store, product_id, coins, plan) VALUES (p_store, p_product_id, p_coins, p_plan)
      ON CONFLICT DO NOTHING RETURNING 'created', p.revision;
    IF FOUND THEN RETURN; END IF;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION product_put FROM PUBLIC;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'supernova_app') THEN
    GRANT EXECUTE ON FUNCTION product_put TO supernova_app;
  END IF;
END $$;
