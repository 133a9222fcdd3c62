/* Listening sockets: dual-stack where there is IPv6, else IPv4; not blocking, closed on exec. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* SHARED sockets of one port split its connections between them (SO_REUSEPORT). -1 with a sentence that names the port. */
int listen_on(int port, bool shared, int *ret_fd, struct error *error) _must_check_;
