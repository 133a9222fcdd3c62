#include "codec/base64.h"
#include "render/parts.h"

#include <openssl/crypto.h>
#include <string.h>

enum { FILE_MAX_BYTES = 64 * 1024 };

/* Key material stays out of render_json, whose text is not cleansed. */
static cJSON *add_file(cJSON *data, const cJSON *file) {
  _cleanup_buffer_ struct buffer text;
  buffer_init_secret(&text, FILE_MAX_BYTES);
  base64_encode(file->valuestring, strlen(file->valuestring), &text);
  return render_with(data, file->string, text.failed ? NULL : cJSON_CreateString(buffer_text(&text)));
}

/* It outlives the stack and no sync takes it: without an owner, without the label by which GitOps tools find what they track. */
cJSON *render_jwks_secret(const struct stack *stack, const cJSON *files) {
  char name[NAME_SIZE];
  cJSON *secret = render_json(
      "{'apiVersion': 'v1', 'kind': 'Secret', 'type': 'Opaque',"
      " 'metadata': {'name': %s, 'namespace': %s, 'labels': {'" LABEL_MANAGED_BY "': '" FIELD_MANAGER "', '" LABEL_STACK
      "': %s},"
      "  'annotations': {'argocd.argoproj.io/sync-options': 'Prune=false'}}}",
      stack_jwks_secret_name(stack, name), stack->namespace, stack->name);
  cJSON *data = cJSON_CreateObject();
  const cJSON *file;
  cJSON_ArrayForEach(file, files) data = add_file(data, file);
  return render_with(secret, "data", data);
}

void render_secret_free(cJSON *secret) {
  cJSON *file;
  cJSON_ArrayForEach(file, cJSON_GetObjectItemCaseSensitive(secret, "data")) {
    if (cJSON_IsString(file)) OPENSSL_cleanse(file->valuestring, strlen(file->valuestring));
  }
  cJSON_Delete(secret);
}
