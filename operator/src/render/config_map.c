#include "render/parts.h"

#include <stdio.h>

void env_name(const struct render_input *in, char to[NAME_SIZE]) { snprintf(to, NAME_SIZE, "%s-env-%s", in->stack->name, in->env_hash); }

cJSON *render_env(const struct render_input *in) {
  char name[NAME_SIZE];
  env_name(in, name);
  cJSON *map = render_object(in->stack, "v1", "ConfigMap", name, COMPONENT_SERVER);
  map = render_with(map, "immutable", cJSON_CreateTrue());
  return render_with(map, "data", cJSON_Duplicate(in->env, true));
}

void design_tokens_name(const struct stack *stack, char to[NAME_SIZE]) {
  const char *given = stack->spec.design_tokens.config_map_ref;
  if (given)
    snprintf(to, NAME_SIZE, "%s", given);
  else
    snprintf(to, NAME_SIZE, "%s-design-tokens", stack->name);
}

/* Not immutable and not named by a hash: the server reads the file again when the kubelet has changed it. */
cJSON *render_design_tokens(const struct render_input *in) {
  char name[NAME_SIZE];
  snprintf(name, sizeof name, "%s-design-tokens", in->stack->name);
  _cleanup_buffer_ struct buffer tokens;
  buffer_init(&tokens, 1 << 20);
  json_canonical(in->stack->spec.design_tokens.inline_tokens, &tokens);
  if (tokens.failed) return NULL;
  return render_with(render_object(in->stack, "v1", "ConfigMap", name, COMPONENT_SERVER), "data",
                     render_json("{'tokens.json': %s}", buffer_text(&tokens)));
}
