#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "CSharedLibrary.h"

void *rd_open_library(const char *variable, const char *const *names, size_t count, char *failure, size_t size) {
    const char *chosen = getenv(variable);
    if (chosen) count = 1;
    for (size_t i = 0; i < count; i++) {
        const char *name = chosen ? chosen : names[i];
        void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
        if (library) return library;
        // The first name is the usual one: why the others are missing helps nobody.
        const char *reason = dlerror();
        if (i == 0) snprintf(failure, size, "%s", reason ? reason : name);
    }
    return NULL;
}
