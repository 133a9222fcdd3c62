/* The bodies that handlers take, as JSON Schemas (2020-12) made of the rules that they check with: routes/bodies.h.
 *
 * What a rule can't say (which fields go together, the words that one may be) is in components.json under x-bodies. An optional field may be
 * null, as if it were absent. The caller owns what they return; NULL without memory. */
#pragma once

#include "routes/fields.h"
#include "settings/settings.h"

enum strictness { BODY_STRICT, BODY_OPEN /* other members are passed over */ };

/* {"type":"object","properties":{…},"required":[…]} */
cJSON *schema_of_fields(const struct field *rules, enum strictness strictness);

/* The schema of one; OPTIONAL ones may be null too, unless they stand in a query. */
cJSON *schema_of_field(const struct field *rule, bool nullable);

cJSON *token_body(const struct settings *settings);
cJSON *grant_body(const struct settings *settings);
cJSON *product_body(const struct settings *settings);
cJSON *google_body(const struct settings *settings);
cJSON *apple_body(const struct settings *settings);
cJSON *collabpay_body(const struct settings *settings);
cJSON *design_tokens_body(const struct settings *settings);
cJSON *google_push_body(const struct settings *settings);
cJSON *apple_push_body(const struct settings *settings);
