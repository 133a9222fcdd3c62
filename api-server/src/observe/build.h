/* Which build this is; the build system may say the commit. */
#pragma once

#ifndef SUPERNOVA_COMMIT
#define SUPERNOVA_COMMIT "unknown"
#endif
