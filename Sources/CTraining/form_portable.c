#define RD_FORM_SYMBOL rd_training_portable
#define RD_FORM_NAME "portable"
#include "form.h"
