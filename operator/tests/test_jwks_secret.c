#include "render_fixture.h"

#include "codec/base64.h"

#include <string.h>

Test(jwks_secret, outlives_its_stack_and_every_sync) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("minimal");
  _cleanup_json_ cJSON *files = cJSON_Parse("{\"signing\":\"1\"}");
  cJSON *secret = render_jwks_secret(f.stack, files);
  cr_assert_str_eq(json_string(secret, "metadata.name", ""), "shop-jwks");
  cr_assert_str_eq(json_string(secret, "type", ""), "Opaque");
  cr_assert_null(json_get(secret, "metadata.ownerReferences"));
  const cJSON *labels = json_get(secret, "metadata.labels");
  cr_assert_null(json_member(labels, "app.kubernetes.io/instance"));
  cr_assert_str_eq(cJSON_GetStringValue(json_member(labels, LABEL_STACK)), "shop");
  cr_assert_str_eq(cJSON_GetStringValue(json_member(json_get(secret, "metadata.annotations"), "argocd.argoproj.io/sync-options")),
                   "Prune=false");
  render_secret_free(secret);
}

Test(jwks_secret, files_come_back_as_they_were) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  _cleanup_json_ cJSON *files = cJSON_Parse("{\"signing\":\"17\",\"17.pem\":\"-----BEGIN PRIVATE KEY-----\\nabc\\n\",\"empty\":\"\"}");
  cJSON *secret = render_jwks_secret(f.stack, files);
  cr_assert_str_eq(json_string(secret, "metadata.name", ""), "shop-keys");
  const cJSON *file;
  cJSON_ArrayForEach(file, files) {
    const char *text = cJSON_GetStringValue(json_member(json_get(secret, "data"), file->string));
    _cleanup_buffer_ struct buffer bytes;
    buffer_init(&bytes, 1024);
    cr_assert_eq(base64_decode(text, strlen(text), &bytes), 0);
    cr_assert_str_eq(buffer_text(&bytes), file->valuestring);
  }
  render_secret_free(secret);
  render_secret_free(NULL);
}
