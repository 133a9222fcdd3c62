/* What a revision is: the part of the spec that is released and rolled back as one, and the whole map of plain settings it makes.
 *
 * Its text is the `data` of an immutable ControllerRevision: {"hashVersion": 1, "spec": {non-default values}, "env": {…}}. Its hash names the
 * revision, is on the pods, and decides what a new release is; so a new default of a newer operator restarts nothing.
 */
#pragma once

#include "stack/stack.h"

struct content {
  cJSON *json;            /* the whole; spec and env borrow from it */
  struct stack_spec spec; /* decoded, with defaults */
  const cJSON *env;
  char hash[16], env_hash[16];
  char *image; /* full reference */
};

int content_of_stack(const struct stack *stack, const char *companion, struct content *ret, struct error *error) _must_check_;
int content_parse(const char *text, struct content *ret, struct error *error) _must_check_;

/* ASKED with the image of FROM. */
int content_with_image(const struct content *asked, const struct content *from, struct content *ret, struct error *error) _must_check_;

/* Its image is of the repository of COMPANION, the operator's own release: it keeps the whole contract. */
bool content_is_companion(const struct content *content, const char *companion);

void content_done(struct content *content); /* accepts a zeroed one */
