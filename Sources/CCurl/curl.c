#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CCurl.h"
#include "CSharedLibrary.h"

// Values of curl.h, which are part of its ABI.
enum {
    OPTION_WRITEDATA = 10001,
    OPTION_URL = 10002,
    OPTION_ERRORBUFFER = 10010,
    OPTION_USERAGENT = 10018,
    OPTION_HTTPHEADER = 10023,
    OPTION_HEADERDATA = 10029,
    OPTION_XFERINFODATA = 10057,
    OPTION_CAINFO = 10065,
    OPTION_NOPROXY = 10177,
    OPTION_WRITEFUNCTION = 20011,
    OPTION_HEADERFUNCTION = 20079,
    OPTION_XFERINFOFUNCTION = 20219,
    OPTION_LOW_SPEED_LIMIT = 19,
    OPTION_LOW_SPEED_TIME = 20,
    OPTION_NOPROGRESS = 43,
    OPTION_NOBODY = 44,
    OPTION_CONNECTTIMEOUT = 78,
    OPTION_HTTP_VERSION = 84,
    OPTION_NOSIGNAL = 99,
    OPTION_PROTOCOLS = 181,
    INFO_RESPONSE_CODE = 0x200000 + 2,
    PROTOCOLS_OF_THE_WEB = 1 | 2,
    VERSION_HTTP_1_1 = 2,
    GLOBAL_ALL = 3,
    ERROR_BYTES = 256,
};

struct list;
typedef int (*global_init_function)(long flags);
typedef void *(*easy_init_function)(void);
typedef int (*easy_setopt_function)(void *handle, int option, ...);
typedef int (*easy_perform_function)(void *handle);
typedef void (*easy_handle_function)(void *handle);
typedef int (*easy_getinfo_function)(void *handle, int information, ...);
typedef const char *(*easy_strerror_function)(int code);
typedef struct list *(*list_append_function)(struct list *list, const char *text);
typedef void (*list_free_function)(struct list *list);
typedef char *(*version_function)(void);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int is_loaded;
static char failure[512];
static easy_init_function easy_init;
static easy_setopt_function set_option;
static easy_perform_function perform;
static easy_handle_function reset, cleanup;
static easy_getinfo_function get_information;
static easy_strerror_function describe;
static list_append_function append;
static list_free_function free_list;
static version_function version;

static void *open_library(void) {
#if defined(__APPLE__)
    static const char *const names[] = {"libcurl.4.dylib", "/usr/lib/libcurl.4.dylib"};
#else
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so"};
#endif
    return rd_open_library("REDRAFTER_CURL", names, sizeof names / sizeof *names, failure, sizeof failure);
}

static void load(void) {
    void *library = open_library();
    if (!library) return;
    const global_init_function initialise = (global_init_function)dlsym(library, "curl_global_init");
    easy_init = (easy_init_function)dlsym(library, "curl_easy_init");
    set_option = (easy_setopt_function)dlsym(library, "curl_easy_setopt");
    perform = (easy_perform_function)dlsym(library, "curl_easy_perform");
    reset = (easy_handle_function)dlsym(library, "curl_easy_reset");
    cleanup = (easy_handle_function)dlsym(library, "curl_easy_cleanup");
    get_information = (easy_getinfo_function)dlsym(library, "curl_easy_getinfo");
    describe = (easy_strerror_function)dlsym(library, "curl_easy_strerror");
    append = (list_append_function)dlsym(library, "curl_slist_append");
    free_list = (list_free_function)dlsym(library, "curl_slist_free_all");
    version = (version_function)dlsym(library, "curl_version");
    if (!initialise || !easy_init || !set_option || !perform || !reset || !cleanup || !get_information || !describe
        || !append || !free_list || !version) {
        snprintf(failure, sizeof failure, "the library is no libcurl");
        return;
    }
    if (initialise(GLOBAL_ALL) != 0) {
        snprintf(failure, sizeof failure, "libcurl does not start");
        return;
    }
    is_loaded = 1;
}

const char *rd_curl_failure(void) {
    pthread_once(&once, load);
    return is_loaded ? NULL : failure;
}

const char *rd_curl_version(void) { return rd_curl_failure() ? NULL : version(); }

struct rd_curl_session {
    void *handle;
};

rd_curl_session *rd_curl_open(void) {
    if (rd_curl_failure()) return NULL;
    rd_curl_session *session = malloc(sizeof *session);
    if (!session) return NULL;
    session->handle = easy_init();
    if (session->handle) return session;
    free(session);
    return NULL;
}

void rd_curl_close(rd_curl_session *session) {
    if (!session) return;
    cleanup(session->handle);
    free(session);
}

static size_t give(rd_curl_bytes take, const char *bytes, size_t count, void *context) {
    // Any other number than that of the bytes is a failure to the library.
    return take(bytes, count, context) == 0 ? count : (size_t)(count == 0);
}

static size_t give_header(char *bytes, size_t size, size_t count, void *data) {
    const rd_curl_request *request = data;
    return give(request->header, bytes, size * count, request->context);
}

static size_t give_body(char *bytes, size_t size, size_t count, void *data) {
    const rd_curl_request *request = data;
    return give(request->body, bytes, size * count, request->context);
}

static int poll_request(void *data, int64_t a, int64_t b, int64_t c, int64_t d) {
    const rd_curl_request *request = data;
    (void)a, (void)b, (void)c, (void)d;
    return request->is_cancelled(request->context);
}

static rd_curl_outcome outcome(int code) {
    switch (code) {
    case 0: return RD_CURL_DONE;
    case 23:  // write error: a callback said no
    case 42: return RD_CURL_STOPPED;
    case 5: case 6: case 7: case 97: return RD_CURL_UNREACHABLE;
    case 8: case 16: case 18: case 28: case 35: case 52: case 55: case 56: case 81: case 92: case 95:
        return RD_CURL_BROKEN;
    case 51: case 60: case 77: case 83: case 90: case 91: return RD_CURL_UNTRUSTED;
    case 27: return RD_CURL_OUT_OF_MEMORY;
    default: return RD_CURL_FAILED;
    }
}

/// A connection that the other side has closed is an error of the request and no SIGPIPE, whatever the process does with those.
static int perform_without_signal(void *handle) {
#if defined(__APPLE__)
    return perform(handle);
#else
    sigset_t pipe_signal, before, pending;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    const int code = perform(handle);
    const struct timespec now = {0, 0};
    if (!sigismember(&pending, SIGPIPE)) sigtimedwait(&pipe_signal, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
#endif
}

rd_curl_outcome rd_curl_perform(
    rd_curl_session *session, const rd_curl_request *request, long *status, char *message, size_t capacity) {
    void *handle = session->handle;
    char error[ERROR_BYTES] = "";
    struct list *headers = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        struct list *longer = append(headers, request->headers[i]);
        if (!longer) {
            free_list(headers);
            snprintf(message, capacity, "not enough memory");
            return RD_CURL_OUT_OF_MEMORY;
        }
        headers = longer;
    }
    // Connections are kept.
    reset(handle);
    int code = set_option(handle, OPTION_URL, request->url);
    set_option(handle, OPTION_ERRORBUFFER, error);
    set_option(handle, OPTION_USERAGENT, request->user_agent);
    if (headers) set_option(handle, OPTION_HTTPHEADER, headers);
    if (request->certificates) set_option(handle, OPTION_CAINFO, request->certificates);
    if (request->is_direct) set_option(handle, OPTION_NOPROXY, "*");
    set_option(handle, OPTION_PROTOCOLS, (long)PROTOCOLS_OF_THE_WEB);
    set_option(handle, OPTION_HTTP_VERSION, (long)VERSION_HTTP_1_1);
    set_option(handle, OPTION_NOBODY, (long)request->is_head);
    // No signals: this process has handlers and threads of its own.
    set_option(handle, OPTION_NOSIGNAL, 1L);
    set_option(handle, OPTION_CONNECTTIMEOUT, request->connect_seconds);
    set_option(handle, OPTION_LOW_SPEED_LIMIT, 1L);
    set_option(handle, OPTION_LOW_SPEED_TIME, request->stall_seconds);
    set_option(handle, OPTION_HEADERFUNCTION, give_header);
    set_option(handle, OPTION_HEADERDATA, request);
    set_option(handle, OPTION_WRITEFUNCTION, give_body);
    set_option(handle, OPTION_WRITEDATA, request);
    set_option(handle, OPTION_XFERINFOFUNCTION, poll_request);
    set_option(handle, OPTION_XFERINFODATA, request);
    set_option(handle, OPTION_NOPROGRESS, 0L);
    if (code == 0) code = perform_without_signal(handle);
    *status = 0;
    get_information(handle, INFO_RESPONSE_CODE, status);
    set_option(handle, OPTION_ERRORBUFFER, NULL);
    free_list(headers);
    snprintf(message, capacity, "%s", error[0] ? error : describe(code));
    return outcome(code);
}
