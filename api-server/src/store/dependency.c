#include "store/dependency.h"

#include <errno.h>

const char *dependency_reason_name(enum dependency_reason reason) {
  static const char *const names[DEPENDENCY_REASONS] = {"ok", "refused", "timeout", "auth", "tls", "version", "unreachable"};
  return names[reason];
}

enum dependency_reason dependency_reason_of_errno(int number) {
  switch (number) {
    case 0: return DEPENDENCY_OK;
    case ECONNREFUSED: return DEPENDENCY_REFUSED;
    case ETIMEDOUT: return DEPENDENCY_TIMEOUT;
    default: return DEPENDENCY_UNREACHABLE;
  }
}
