-- serves-from: 1
-- When a statement was made counts among those of one period: 0010 let what was told late of an old one outweigh what was told early of the new one. And what
-- was told before anybody asked says whether a refund was reversed.

-- As iap_apply, whose results these are, with `account` being an appAccountToken. P_ACCOUNT is the one that p_profile would have. P_BARE: a transaction
-- alone, which tells of a period and not of the purchase. P_REVERSED: a refund of it was reversed. Of a subscription the later period counts, whichever
-- was signed first. An event that was kept because the catalogue didn't have its product may come again.
CREATE OR REPLACE FUNCTION apple_apply(p_seen jsonb, p_profile text, p_event text, p_event_sha256 bytea, p_event_payload text, p_account text, p_bare boolean,
                            p_reversed boolean)
RETURNS TABLE (result text, answer text, holder text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
#variable_conflict use_column
DECLARE
  seen    iap_purchase := jsonb_populate_record(NULL::iap_purchase, p_seen);
  account text := lower(p_seen ->> 'account');
  known   iap_purchase;
  was     text;
  given   record;
  early   jsonb;
BEGIN
  -- One statement about a purchase at a time, so that what is looked up here is still so below.
  PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(':', 'apple', seen.environment, seen.token), 0));
  IF p_event IS NOT NULL THEN
    SELECT e.outcome INTO was FROM webhook_event e WHERE e.source = 'apple' AND e.id = p_event;
    IF was = 'unknown_product' THEN
      DELETE FROM webhook_event e WHERE e.source = 'apple' AND e.id = p_event;
    ELSIF was IS NOT NULL THEN
      RETURN QUERY SELECT 'duplicate', NULL, NULL;
      RETURN;
    END IF;
  END IF;
  SELECT * INTO known FROM iap_purchase p WHERE (p.store, p.environment, p.token) = ('apple', seen.environment, seen.token);
  account := CASE WHEN p_profile IS NULL THEN (SELECT a.profile FROM apple_account a WHERE a.token = account)
                  WHEN account = p_account THEN p_profile ELSE account END;

  IF seen.type = 'subscription' AND (known.profile = p_profile OR (known.profile IS NOT NULL AND p_profile IS NULL)) THEN
    was := CASE WHEN seen.purchased_at < known.purchased_at THEN 'stale'
                WHEN p_bare AND seen.order_id = known.order_id AND seen.state <> 'refunded' THEN 'repeated' END;
    IF was IN ('stale', 'repeated') THEN
      IF p_event IS NOT NULL THEN PERFORM webhook_note('apple', p_event, p_event_sha256, was, NULL); END IF;
      RETURN QUERY SELECT was, coalesce(known.answer, iap_answer(known)), known.profile;
      RETURN;
    END IF;
    IF seen.purchased_at > known.purchased_at THEN
      PERFORM iap_lock(known.profile);
      UPDATE iap_purchase p SET observed_at = '-infinity' WHERE (p.store, p.environment, p.token) = ('apple', seen.environment, seen.token);
    END IF;
  END IF;
  IF p_reversed AND known.type = 'product' AND (known.state = 'refunded' OR known.debited > 0) AND seen.observed_at > known.observed_at THEN
    PERFORM apple_reverse(known);
  END IF;

  SELECT * INTO given
  FROM iap_apply(p_seen || jsonb_build_object('account', account), p_profile, p_event, p_event_sha256, p_event_payload);
  IF p_profile IS NULL AND given.result IN ('unknown_purchase', 'unknown_product') THEN
    INSERT INTO apple_early AS e VALUES (seen.environment, seen.token, seen.purchased_at, seen.observed_at, p_seen || jsonb_build_object('reversed', p_reversed))
    ON CONFLICT (environment, token) DO UPDATE
    SET purchased_at = excluded.purchased_at, observed_at = excluded.observed_at, seen = excluded.seen
    WHERE (excluded.purchased_at, excluded.observed_at) > (e.purchased_at, e.observed_at);
  ELSIF given.holder IS NOT NULL AND given.result IN ('done', 'repeated', 'stale', 'too_many') THEN
    IF p_profile IS NOT NULL THEN INSERT INTO apple_account VALUES (p_account, p_profile) ON CONFLICT DO NOTHING; END IF;
    DELETE FROM apple_early e WHERE (e.environment, e.token) = (seen.environment, seen.token) RETURNING e.seen INTO early;
    IF FOUND THEN
      SELECT given.result, a.answer, a.holder INTO given FROM apple_apply(early, NULL, NULL, NULL, NULL, NULL, false, coalesce((early ->> 'reversed')::boolean, false)) a;
    END IF;
  END IF;
  RETURN QUERY SELECT given.result, given.answer, given.holder;
END $$;
