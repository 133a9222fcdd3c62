#include "render/parts.h"

#include <stdio.h>

/* Pods run under an account of their own that may nothing and bears no token: the default account is everybody's. */
void service_account_name(const struct render_input *in, char to[NAME_SIZE]) {
  const char *given = in->release->service_account.name;
  snprintf(to, NAME_SIZE, "%s", given ? given : in->stack->name);
}

cJSON *render_service_account(const struct render_input *in) {
  cJSON *account = render_object(in->stack, "v1", "ServiceAccount", in->stack->name, COMPONENT_SERVER);
  account = render_with(account, "automountServiceAccountToken", cJSON_CreateFalse());
  return render_annotate(account, in->release->service_account.annotations);
}
