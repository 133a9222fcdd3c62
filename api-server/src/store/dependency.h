/* Why a neighbour (PostgreSQL, Redis) can't be reached, in the six words that health answers and metrics use. */
#pragma once

enum dependency_reason {
  DEPENDENCY_OK,
  DEPENDENCY_REFUSED, /* nothing listens there, or it takes no more clients */
  DEPENDENCY_TIMEOUT,
  DEPENDENCY_AUTH,
  DEPENDENCY_TLS,
  DEPENDENCY_VERSION,
  DEPENDENCY_UNREACHABLE, /* no such name, no route, or the connection was lost */
  DEPENDENCY_REASONS
};

/* "ok", "refused", "timeout", "auth", "tls", "version", "unreachable". */
const char *dependency_reason_name(enum dependency_reason reason);

/* The reason that an errno of connect(2), send(2) or recv(2) stands for. */
enum dependency_reason dependency_reason_of_errno(int number);
