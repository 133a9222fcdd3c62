-- serves-from: 1
-- Design tokens that were posted: each set whole, as it came, under a version of its own. None is ever changed; the newest is in force.

CREATE TABLE design_token_set (
  version    bigint PRIMARY KEY CHECK (version > 0),
  tokens     text NOT NULL,
  actor      text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Adds one. Results, with the version that is in force then: done; unconditional (there is one, and nothing says which one was seen); stale.
-- p_match and p_unless are what If-Match and If-None-Match name: versions, 0 for "*", null without the field.
-- Listeners are told with an empty payload, which no profile has: see ledger_notify.
CREATE FUNCTION design_tokens_post(p_tokens text, p_actor text, p_match bigint[], p_unless bigint[])
RETURNS TABLE (result text, version bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
  held bigint;
BEGIN
  LOCK TABLE design_token_set IN SHARE ROW EXCLUSIVE MODE;
  SELECT coalesce(max(s.version), 0) INTO held FROM design_token_set s;
  IF p_match IS NOT NULL AND NOT (held > 0 AND ARRAY[0, held] && p_match) OR held > 0 AND coalesce(ARRAY[0, held] && p_unless, false) THEN
    RETURN QUERY SELECT 'stale', held;
  ELSIF held > 0 AND p_match IS NULL THEN
    RETURN QUERY SELECT 'unconditional', held;
  ELSE
    PERFORM pg_notify('supernova_live', '');
    RETURN QUERY INSERT INTO design_token_set AS s (version, tokens, actor) VALUES (held + 1, p_tokens, p_actor) RETURNING 'done', s.version;
  END IF;
END $$;
REVOKE ALL ON FUNCTION design_tokens_post FROM PUBLIC;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'supernova_app') THEN
    GRANT SELECT ON design_token_set TO supernova_app;
    GRANT EXECUTE ON FUNCTION design_tokens_post TO supernova_app;
  END IF;
END $$;
