#include "iap/apple.h"

#include "crypto/x5c.h"
#include "iap/apple_root.h"
#include "settings/file.h"

#include <string.h>

enum { ROOTS_MAX = 64 * 1024, UNAUTHENTICATED = 401 };

/* What Apple's certificates have that may sign such texts, and those that issue them (Apple, "Certificate Policy"; App Store Server Library). */
static const char leaf_oid[] = "1.2.840.113635.100.6.11.1";
static const char issuer_oid[] = "1.2.840.113635.100.6.2.1";

static int trust(struct apple *apple, struct error *error) {
  const char *path = apple->settings->apple_root_ca_file;
  _cleanup_buffer_ struct buffer roots;
  buffer_init(&roots, ROOTS_MAX);
  if (path && file_read(path, &roots, error) < 0) return error_wrap(error, "APPLE_ROOT_CA_FILE");
  struct x5c_rules rules = {.roots_pem = path ? buffer_text(&roots) : apple_root_pem,
                            .leaf_oid = leaf_oid,
                            .issuer_oid = issuer_oid,
                            .date_member = "signedDate"};
  apple->x5c = x5c_new(&rules, error);
  return apple->x5c ? 0 : error_wrap(error, "APPLE_ROOT_CA_FILE");
}

int apple_init(struct apple *apple, const struct settings *settings, struct http_client *client, struct metrics *metrics,
               struct error *error) {
  *apple = (struct apple){
      .settings = settings, .metrics = metrics, .us = {.bundle_id = settings->apple_bundle_id, .app_id = settings->apple_app_id}};
  if (trust(apple, error) == 0 && apple_api_init(&apple->api, settings, client, error) == 0) return 0;
  apple_done(apple);
  return -1;
}

void apple_done(struct apple *apple) {
  apple_api_done(&apple->api);
  x5c_free(TAKE(apple->x5c));
}

int apple_verify(struct apple *apple, const char *text, cJSON **ret_payload, struct error *error) {
  struct error why = {0};
  if (x5c_verify(apple->x5c, text, strlen(text), ret_payload, NULL, &why) == 0) return 0;
  error_set(error, ERROR_FORBIDDEN, "%s", why.message);
  if (error) error->cause = UNAUTHENTICATED;
  return -1;
}

int apple_transaction_verify(struct apple *apple, const char *text, cJSON **ret_payload, struct apple_transaction *ret,
                             struct error *error) {
  _cleanup_(json_freep) cJSON *payload = NULL;
  if (apple_verify(apple, text, &payload, error) < 0 || apple_transaction_read(payload, &apple->us, ret, error) < 0) return -1;
  *ret_payload = TAKE(payload);
  return 0;
}

int apple_account(const char *profile, char to[UUID_SIZE]) {
  static const unsigned char namespace[UUID_BYTES] = {0x65, 0xee, 0x5d, 0x5a, 0x12, 0x36, 0x5b, 0xda,
                                                      0xbd, 0x21, 0x12, 0x30, 0x6a, 0x2a, 0x9a, 0x51};
  return uuid_v5(namespace, profile, strlen(profile), to);
}
