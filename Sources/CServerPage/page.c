#include "CServerPage.h"

// `#embed` is C23; clang takes it in every mode and says so.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t page[] = {
#embed "page.html"
};

rd_page rd_server_page(void) { return (rd_page){page, sizeof page}; }
