#ifndef CCURL_H
#define CCURL_H

#include <stddef.h>
#include <stdint.h>

/// libcurl, opened at run time, as far as the hub needs it: one request at a time over kept connections. It follows no
/// redirects, decodes no encodings and keeps no cookies; what a response means is the caller's business.

/// Why the library cannot be used; NULL where it can.
const char *rd_curl_failure(void);

/// The library's own version, as it says it; NULL where it cannot be used.
const char *rd_curl_version(void);

/// Takes a header line or a piece of the body; anything but 0 ends the request.
typedef int (*rd_curl_bytes)(const char *bytes, size_t count, void *context);

/// Asked several times a second while a request runs; anything but 0 ends it.
typedef int (*rd_curl_poll)(void *context);

typedef struct {
    const char *url;
    const char *user_agent;
    /// `Name: value`.
    const char *const *headers;
    size_t header_count;
    /// A file of certificates to trust; NULL for the system's.
    const char *certificates;
    /// Asks for the head of the response only.
    int is_head;
    /// Goes around proxies that the environment names.
    int is_direct;
    long connect_seconds;
    /// Without a byte for so long the request ends.
    long stall_seconds;
    rd_curl_bytes header;
    rd_curl_bytes body;
    rd_curl_poll is_cancelled;
    void *context;
} rd_curl_request;

/// What became of a request.
typedef enum {
    RD_CURL_DONE = 0,
    /// A callback ended it.
    RD_CURL_STOPPED,
    /// No connection: no such host, no route, refused, or a proxy that failed.
    RD_CURL_UNREACHABLE,
    /// The connection was there and broke, or nothing came for too long.
    RD_CURL_BROKEN,
    /// The server's certificate is none to trust.
    RD_CURL_UNTRUSTED,
    RD_CURL_OUT_OF_MEMORY,
    /// Anything else; another attempt would fail like this one.
    RD_CURL_FAILED,
} rd_curl_outcome;

typedef struct rd_curl_session rd_curl_session;

/// NULL where there is no memory or no library.
rd_curl_session *rd_curl_open(void);
void rd_curl_close(rd_curl_session *session);

/// Runs a request to its end. `message` becomes what the library says of a failure, `status` the code of the response or 0.
rd_curl_outcome rd_curl_perform(
    rd_curl_session *session, const rd_curl_request *request, long *status, char *message, size_t capacity);

#endif
