#ifndef CSHAREDLIBRARY_H
#define CSHAREDLIBRARY_H

#include <stddef.h>

#pragma clang assume_nonnull begin

/// Opens a library that the program can do without: the one that the environment variable names, or else the first of `names` that
/// is there. Its symbols stay its own: another copy in the process is neither replaced nor used.
///
/// @returns NULL where there is none; `failure` holds the reason then, of `size` bytes at most.
void *_Nullable rd_open_library(
    const char *variable, const char *_Nonnull const *_Nonnull names, size_t count, char *failure, size_t size);

#pragma clang assume_nonnull end

#endif
