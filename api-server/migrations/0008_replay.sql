-- serves-from: 1
-- Messages that were kept because the catalogue didn't have their product take effect once it has.

-- One that was kept has taken effect, or can't any more.
CREATE FUNCTION webhook_replayed(p_source text, p_id text, p_outcome text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
BEGIN
  UPDATE webhook_event SET outcome = p_outcome, payload = NULL WHERE source = p_source AND id = p_id;
  RETURN FOUND;
END $$;

-- A change of the catalogue makes its store's sweep due, which replays, where something was kept.
CREATE FUNCTION product_hasten() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE iap_sweep s SET due_at = least(s.due_at, clock_timestamp())
  WHERE s.store = NEW.store AND EXISTS (SELECT FROM webhook_event e WHERE e.source = NEW.store AND e.payload IS NOT NULL);
  RETURN NULL;
END $$;
CREATE TRIGGER hasten_sweep AFTER INSERT OR UPDATE ON product FOR EACH ROW EXECUTE FUNCTION product_hasten();

REVOKE ALL ON FUNCTION webhook_replayed FROM PUBLIC;
REVOKE ALL ON FUNCTION product_hasten FROM PUBLIC;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'supernova_app') THEN GRANT EXECUTE ON FUNCTION webhook_replayed TO supernova_app; END IF;
END $$;
