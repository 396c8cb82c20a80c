#include "CBuildCommit.h"

const char *rd_build_commit(void) { return REDRAFTER_COMMIT; }
