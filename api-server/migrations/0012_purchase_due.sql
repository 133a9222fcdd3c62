-- serves-from: 1
-- Purchases that may still change by themselves, in the order in which a sweep looks at them.
CREATE INDEX iap_purchase_due ON iap_purchase (store, token) WHERE state NOT IN ('expired', 'refunded', 'replaced');
