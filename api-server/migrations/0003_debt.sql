-- serves-from: 1
-- Refunds, and the debt that they leave where the coins were spent already.
--
-- Two kinds join the ledger; the hashed bytes, their format's name and the meaning of the kinds that were there stay as 0001 says. How each
-- kind leads from the balance before a row to the one that the row holds (`taken` is the lesser of amount and coins):
--
--   coins          coins + amount                                       a credit
--   settle         coins - amount, debt - amount                        what a credit pays of the debt: the row right behind the credit's
--   revoke         coins - amount          or the plan ends at `at`     by hand; never more than there is, only a plan that is active
--   refund         coins - taken, debt + amount - taken                 a store took its money back: takes what is there, the rest is debt
--                                          or the plan ends at `at`     does nothing where that plan isn't held or has ended already
--   subscription   the plan becomes `plan` until `expires_at`           also a renewal, another plan, or an end that is past
--
-- Between grants a profile has coins or debt, never both. A settle row bears its credit's origin, source, actor, body_sha256 and time, no reference
-- and the answer "{}"; the credit's answer tells the balance after both. Only origins other than "admin" may refund.

ALTER TABLE ent_ledger DROP CONSTRAINT ent_ledger_kind_check, DROP CONSTRAINT ent_ledger_check;
-- Not validated here, so that no scan holds the table: the rows that are there obeyed narrower ones.
ALTER TABLE ent_ledger
  ADD CONSTRAINT ent_ledger_kind_check CHECK (kind IN ('coins', 'settle', 'revoke', 'refund', 'subscription')) NOT VALID,
  ADD CONSTRAINT ent_ledger_check CHECK (
    CASE WHEN kind IN ('coins', 'settle') THEN amount IS NOT NULL AND plan IS NULL AND expires_at IS NULL
         WHEN kind = 'subscription' THEN amount IS NULL AND plan IS NOT NULL
         ELSE (amount IS NULL) <> (plan IS NULL) AND expires_at IS NULL END) NOT VALID;

-- ENTRY with its head, appended behind the row that its `prev` and `seq` name; all null where its reference is taken.
CREATE FUNCTION ledger_append(entry ent_ledger) RETURNS ent_ledger LANGUAGE plpgsql AS $$
BEGIN
  entry.head := sha256(ledger_bytes(entry));
  INSERT INTO ent_ledger VALUES (entry.*) ON CONFLICT (origin, external_ref) DO NOTHING;
  RETURN CASE WHEN FOUND THEN entry END;
END $$;
REVOKE ALL ON FUNCTION ledger_append FROM PUBLIC;

-- One grant, exactly once by (origin, external_ref). Results: done, repeated, conflict; and, with nothing written, insufficient, too_many, no_plan.
-- The balance's row is the lock of its profile; everything that the chain continues from is read behind it. A twin that was first is looked for
-- before the lock (a repeat need not wait), behind it (our balance includes it already), and where the insert finds it (another profile's).
-- Other functions may call it, also several times in one transaction; seq and answer are those of the row that bears the reference.
CREATE OR REPLACE FUNCTION entitlement_grant(p_profile text, p_kind text, p_amount bigint, p_plan text, p_expires_at timestamptz, p_reason text,
                                             p_source text, p_origin text, p_ref text, p_actor text, p_body bytea)
RETURNS TABLE (result text, seq bigint, answer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
#variable_conflict use_column
DECLARE
  balance ent_balance;
  held    ent_subscription;
  entry   ent_ledger;
  settled bigint := 0;
  is_held boolean;
  refusal text;
BEGIN
  IF p_kind NOT IN ('coins', 'subscription', 'revoke', 'refund') OR (p_kind = 'refund' AND p_origin = 'admin') THEN
    RAISE EXCEPTION 'a grant of kind % is not for origin %', p_kind, p_origin USING ERRCODE = 'invalid_parameter_value';
  END IF;
  RETURN QUERY SELECT * FROM ledger_repeat(p_origin, p_ref, p_body);
  IF FOUND THEN RETURN; END IF;

  SELECT * INTO balance FROM ent_balance WHERE profile = p_profile FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO profile (id) VALUES (p_profile) ON CONFLICT DO NOTHING;
    INSERT INTO ent_balance (profile) VALUES (p_profile) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT balance FROM ent_balance WHERE profile = p_profile FOR UPDATE;
  END IF;
  RETURN QUERY SELECT * FROM ledger_repeat(p_origin, p_ref, p_body);
  IF FOUND THEN RETURN; END IF;

  SELECT * INTO held FROM ent_subscription WHERE profile = p_profile;
  entry := ROW(p_profile, balance.seq + 1, clock_timestamp()::timestamptz(3), p_kind, p_amount, p_plan, p_expires_at::timestamptz(3), p_reason,
               p_source, p_origin, p_ref, p_actor, p_body, balance.coins, balance.debt, '', balance.head, NULL);
  is_held := held.plan IS NOT DISTINCT FROM p_plan AND (held.expires_at IS NULL OR held.expires_at > entry.at);
  IF p_kind = 'coins' THEN
    refusal := CASE WHEN p_amount > 9007199254740991 - balance.coins THEN 'too_many' END;
    entry.coins := balance.coins + p_amount;
    settled := least(entry.coins, balance.debt);
  ELSIF p_kind = 'subscription' THEN
    held := ROW(p_profile, p_plan, entry.expires_at, p_source);
  ELSIF p_plan IS NOT NULL THEN
    refusal := CASE WHEN p_kind = 'revoke' AND NOT is_held THEN 'no_plan' END;
    IF is_held THEN held.expires_at := entry.at; END IF;
  ELSIF p_kind = 'revoke' THEN
    refusal := CASE WHEN p_amount > balance.coins THEN 'insufficient' END;
    entry.coins := balance.coins - p_amount;
  ELSE
    refusal := CASE WHEN p_amount > 9007199254740991 - balance.debt THEN 'too_many' END;
    entry.coins := greatest(balance.coins - p_amount, 0);
    entry.debt := balance.debt + greatest(p_amount - balance.coins, 0);
  END IF;
  IF refusal IS NOT NULL THEN RETURN QUERY SELECT refusal, 0::bigint, NULL; RETURN; END IF;

  entry.answer := format('{"ok":true,"entitlements":%s,"ledger":{"seq":%s,"at":"%s"}}',
    entitlements_json(entry.coins - settled, entry.debt - settled, held.plan, held.expires_at, held.source, entry.at), entry.seq, utc(entry.at));
  result := 'done';
  seq := entry.seq;
  answer := entry.answer;
  entry := ledger_append(entry);
  IF entry.head IS NULL THEN RETURN QUERY SELECT * FROM ledger_repeat(p_origin, p_ref, p_body); RETURN; END IF;
  IF settled > 0 THEN
    entry := ledger_append(ROW(p_profile, entry.seq + 1, entry.at, 'settle', settled, NULL, NULL, NULL, p_source, p_origin, NULL, p_actor, p_body,
                               entry.coins - settled, entry.debt - settled, '{}', entry.head, NULL));
  END IF;

  UPDATE ent_balance SET coins = entry.coins, debt = entry.debt, head = entry.head, seq = entry.seq WHERE profile = p_profile;
  IF p_kind = 'subscription' OR (p_plan IS NOT NULL AND is_held) THEN
    INSERT INTO ent_subscription VALUES (held.*)
    ON CONFLICT (profile) DO UPDATE SET plan = excluded.plan, expires_at = excluded.expires_at, source = excluded.source;
  END IF;
  RETURN NEXT;
END $$;
