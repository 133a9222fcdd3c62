/* A leak on purpose. Criterion passes this test; hack/test demands that a report of it is there, which proves that it would see others. */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(leak, is_reported) { cr_assert(malloc(7)); }
