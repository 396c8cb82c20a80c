// Which commit a build was made from.
#pragma once

/// The commit as `git describe` names it, with "-dirty" behind it where files had changed; empty where nobody said.
const char *rd_build_commit(void);
