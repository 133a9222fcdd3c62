#include "store/schema.h"

#include "store/migration.h"
#include "store/sql_files.h"

/* The oldest schema that has all that our statements name: raised with each statement that names something newer. test_check.py tries them
 * all on it. */
enum { SCHEMA_MIN = 18 };

bool schema_fits(struct schema_database database, struct schema_image image) {
  return database.current >= image.min && image.max >= database.serves_from;
}

struct schema_image schema_of_image(void) {
  struct schema_image image = {.min = SCHEMA_MIN};
  for (size_t i = 0; i < migration_file_count; i++) {
    int version = migration_version(migration_files[i].name);
    if (version > image.max) image.max = version;
  }
  return image;
}
