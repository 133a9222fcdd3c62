-- The catalogue that a new installation begins with. What is there already, changed or not, stays as it is.
INSERT INTO product (store, product_id, coins, plan) VALUES
  ('google', 'coins_100', 100, NULL), ('google', 'coins_500', 500, NULL), ('google', 'pro_monthly', NULL, 'pro'),
  ('apple', 'coins_100', 100, NULL), ('apple', 'coins_500', 500, NULL), ('apple', 'pro_monthly', NULL, 'pro'),
  ('collabpay', 'coins_100', 100, NULL), ('collabpay', 'coins_500', 500, NULL), ('collabpay', 'pro_monthly', NULL, 'pro')
ON CONFLICT DO NOTHING;
