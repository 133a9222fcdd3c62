/* Whatever a pod says of its requests: it is a reading whose parts agree, or a sentence. */
#include "testing/fuzz.h"
#include "verify/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct reading r = {0}, sum = {0};
  struct error error = {0};
  if (reading_take((const char *)data, n, &r, &error) < 0) {
    demand(error.kind == ERROR_INVALID && *error.message);
    return 0;
  }
  demand(r.requests >= r.errors && r.errors >= 0 && r.bucket_count <= READING_MAX_BUCKETS);
  reading_add(&sum, &r);
  reading_add(&sum, &r);
  demand(sum.requests == 2 * r.requests && sum.errors == 2 * r.errors);
  demand(reading_quantile_s(&sum, 0.95) <= reading_quantile_s(&sum, 0.99));
  return 0;
}
