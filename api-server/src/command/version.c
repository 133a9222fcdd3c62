#include "command/command.h"
#include "observe/build.h"
#include "store/schema.h"

#include <stdio.h>

int version_main(int argc, char **argv) {
  if (command_options(argc, argv, (const char *const[]){NULL}, NULL) < 0) return COMMAND_USAGE;
  struct schema_image image = schema_of_image();
  (void)printf("supernova-server %s (commit %s, schema %d to %d)\n", SUPERNOVA_VERSION, SUPERNOVA_COMMIT, image.min, image.max);
  return COMMAND_DONE;
}
