#include "sim/base/error.h"

#include <stdarg.h>
#include <stdio.h>

bool error_set(struct error *error, const char *format, ...)
{
    if (error == NULL) {
        return false;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

bool error_prefix(struct error *error, const char *format, ...)
{
    if (error == NULL) {
        return false;
    }
    struct error inner = *error;
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    size_t at = used < 0 ? 0 : (size_t)used;
    for (const char *rest = ": "; *rest != '\0' && at + 1 < sizeof error->text; rest++) {
        error->text[at++] = *rest;
    }
    for (const char *rest = inner.text; *rest != '\0' && at + 1 < sizeof error->text; rest++) {
        error->text[at++] = *rest;
    }
    error->text[at < sizeof error->text ? at : sizeof error->text - 1] = '\0';
    return false;
}
