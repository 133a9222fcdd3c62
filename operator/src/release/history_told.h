/* The revisions that are kept, for people: status.history, the newest first. Pure.
 *
 *     {"revision": 4, "image": "ghcr.io/…:v2", "configHash": "0c1d2e3f40", "schemaVersion": 12, "state": "Superseded",
 *      "deployedAt": "2026-01-01T10:00:00Z", "rollback": "safe"}
 *
 * state: Deployed, what serves; Releasing, on its way to that; Superseded, it has served; Failed, its release did; Abandoned, something else
 * was asked for before it was Deployed. rollback: whether it could serve again (rollback_verdict.h).
 */
#pragma once

#include "release/history.h"

cJSON *history_tell(const struct observation *o, const struct history *history, bool secret_ok);
