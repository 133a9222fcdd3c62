/* Everything that a decision about one stack may depend on, gathered at one moment. plan() sees nothing else: no cache, no clock, no network. */
#pragma once

#include "message/delivery.h"
#include "stack/child.h"
#include "stack/mends.h"
#include "stack/resources.h"
#include "stack/stack.h"
#include "verify/looks.h"

/* What is known of the Secret that spec.secrets names. Values never get here. */
struct secret_view {
  enum { SECRET_UNREAD, SECRET_ABSENT, SECRET_READ } state;
  char hash[16];     /* of all it holds: the pods' overlay */
  char database[16]; /* hash of the database URL's host, port and name; "" where there is none */
  char *keys;        /* names of its non-empty keys, each followed by a newline */
};

/* What is known of the JWKS Secret. */
struct keys_view {
  enum { KEYS_UNREAD, KEYS_ABSENT, KEYS_READ } state;
  char *uid;
  char *problem; /* a sentence where it is damaged, else NULL */
  char *signing; /* kid */
  int64_t created_ms;
  char *resource_version;
  cJSON *kids;   /* kid to whether its private half is there, in the set's order; NULL where it is damaged */
  char *set;     /* jwks.json: public halves alone */
  char *memory;  /* what the operator remembers of them (rotation/jwks_memory.h), or NULL */
  char *kept_by; /* who else writes it ("Helm"), or NULL */
};

struct child_list {
  const struct child **items;
  size_t count;
};

struct observation {
  int64_t now_ms;     /* the API server's real time */
  int64_t stepped_ms; /* by how much that was set forward (or back: negative) since the last plan that was carried out; 0: it ran on */
  const struct stack *stack;
  const char *companion_image;
  const struct secret_view *secret;
  const struct keys_view *keys;
  bool design_tokens_found;              /* the ConfigMap that designTokens.configMapRef names exists */
  struct child_list children[RESOURCES]; /* by our label */
  struct child_list fetched[RESOURCES];  /* met by name when a create was refused: ours without the label, or somebody else's */
  enum api_state apis[RESOURCES];        /* of those that are optional; of the others it means nothing */
  const struct error *last_error;        /* of the last round's writes, or NULL */
  const struct mends *mends;             /* that this process has made, or NULL */
  const struct delivery *delivery;       /* of a message that this process sends or has sent, or NULL */
  const struct looks *looks;             /* at pods, that this process has taken, or NULL */
};

/* The child of that name, wherever it was found; NULL when there is none. */
const struct child *observation_find(const struct observation *o, enum resource resource, const char *name);

/* It is controlled by this stack, or offered for adoption. */
bool observation_owns(const struct observation *o, const struct child *child);

/* An earlier stack of this name controls it: that one is gone, and Kubernetes' garbage collection is about to remove what it owned. */
bool observation_is_left_over(const struct observation *o, const struct child *child);
