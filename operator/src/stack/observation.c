#include "stack/observation.h"

#include <string.h>

static const struct child *find(const struct child_list *list, const char *name) {
  for (size_t i = 0; i < list->count; i++)
    if (!strcmp(list->items[i]->name, name)) return list->items[i];
  return NULL;
}

const struct child *observation_find(const struct observation *o, enum resource resource, const char *name) {
  const struct child *child = find(&o->children[resource], name);
  return child ? child : find(&o->fetched[resource], name);
}

bool observation_owns(const struct observation *o, const struct child *child) {
  return child->adopt || (child->owner_uid && !strcmp(child->owner_uid, o->stack->uid));
}

bool observation_is_left_over(const struct observation *o, const struct child *child) {
  return child->owner_stack && child->owner_uid && !strcmp(child->owner_stack, o->stack->name) && strcmp(child->owner_uid, o->stack->uid);
}
