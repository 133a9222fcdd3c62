-- serves-from: 1
-- Sessions that were ended before their time, and tickets that were used: what all pods must know at once.
--
-- The serving role (supernova_app, where it exists) reads whether a session was ended, and otherwise only calls the two functions.
-- Each call also removes rows that nobody asks for any more: the credential has expired, a while ago (clocks differ).

CREATE TABLE session_revoked (
  sid        uuid PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX session_revoked_expires_at ON session_revoked (expires_at);

CREATE TABLE ticket_used (
  id         uuid PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX ticket_used_expires_at ON ticket_used (expires_at);

CREATE FUNCTION session_revoke(p_sid uuid, p_expires_at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
  DELETE FROM session_revoked WHERE sid IN (
    SELECT sid FROM session_revoked WHERE expires_at < now() - interval '10 minutes' ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED);
  INSERT INTO session_revoked (sid, expires_at) VALUES (p_sid, p_expires_at) ON CONFLICT DO NOTHING;
$$;

-- Once 'redeemed', ever after 'used'. 'revoked': the session with which it was bought has been ended (p_sid is null where it was a token).
CREATE FUNCTION ticket_redeem(p_id uuid, p_expires_at timestamptz, p_sid uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
BEGIN
  IF EXISTS (SELECT FROM session_revoked WHERE sid = p_sid) THEN RETURN 'revoked'; END IF;
  DELETE FROM ticket_used WHERE id IN (
    SELECT id FROM ticket_used WHERE expires_at < now() - interval '10 minutes' ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED);
  INSERT INTO ticket_used (id, expires_at) VALUES (p_id, p_expires_at) ON CONFLICT DO NOTHING;
  RETURN CASE WHEN FOUND THEN 'redeemed' ELSE 'used' END;
END $$;

REVOKE ALL ON FUNCTION session_revoke, ticket_redeem FROM PUBLIC;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'supernova_app') THEN
    GRANT SELECT ON session_revoked TO supernova_app;
    GRANT EXECUTE ON FUNCTION session_revoke, ticket_redeem TO supernova_app;
  END IF;
END $$;
