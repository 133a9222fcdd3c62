-- serves-from: 1
-- Who listens to a profile hears of each of its ledger rows when it is committed. The payload is the profile alone: what changed is read from the
-- ledger, so a hint that comes twice or never loses nothing.
CREATE FUNCTION ledger_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('supernova_live', NEW.profile);
  RETURN NULL;
END $$;
CREATE TRIGGER notify AFTER INSERT ON ent_ledger FOR EACH ROW EXECUTE FUNCTION ledger_notify();
