// The page of the server as bytes of the program, so that the program can be moved.
#ifndef CSERVERPAGE_H
#define CSERVERPAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A file; valid for the life of the process.
typedef struct rd_page {
    const uint8_t *bytes;
    size_t count;
} rd_page;

/// The page at `/`: HTML, UTF-8.
rd_page rd_server_page(void);

#ifdef __cplusplus
}
#endif
#endif
