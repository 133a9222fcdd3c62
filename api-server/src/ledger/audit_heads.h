/* The part of an audit that proves the signatures over heads. */
#pragma once

#include "ledger/audit.h"
#include "ledger/lines.h"

/* LINES expects every signature and has all lines of the ledger. -1 as audit_run. */
int audit_heads(struct audit *audit, struct job *job, struct lines *lines, struct error *error) _must_check_;
