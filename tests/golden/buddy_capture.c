#include "tests/golden/buddy_capture.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "tests/golden/capture.h"

enum { MARK = 4 }; /* "=== " */

static bool at_heading(const char *at)
{
    return strncmp(at, "=== ", MARK) == 0 && at[MARK] >= '0' && at[MARK] <= '9';
}

/* Headings say how many bytes follow; only where those are shown with plain line ends, or there are
 * none, the entry goes up to the next heading. */
static size_t entry_size(const char *kind, const char *begin, const char *next)
{
    size_t shown = next > begin ? (size_t)(next - begin) - 1 : 0;
    const char *digits = strpbrk(kind, "0123456789");
    if (digits == NULL || strncmp(kind, "write", 5) == 0 || strncmp(kind, "piece", 5) == 0 ||
        strncmp(kind, "result", 6) == 0) {
        return shown;
    }
    size_t told = (size_t)strtoul(digits, NULL, 10);
    return told <= (size_t)(next - begin) ? told : shown; /* a last line end is not doubled */
}

static char *next_heading(char *at)
{
    while (*at != '\0' && !at_heading(at)) {
        char *line_end = strchr(at, '\n');
        at = line_end == NULL ? at + strlen(at) : line_end + 1;
    }
    return at;
}

bool buddy_capture_load(struct buddy_capture *capture, const char *path, struct error *error)
{
    struct buffer text = {0};
    *capture = (struct buddy_capture){0};
    if (!capture_read_file(path, &text, error)) {
        buffer_free(&text);
        return false;
    }
    capture->text = buffer_detach(&text);
    for (char *at = next_heading(capture->text); *at != '\0';) {
        capture->entries =
            memory_resize(capture->entries, (capture->count + 1) * sizeof capture->entries[0]);
        struct buddy_entry_text *entry = &capture->entries[capture->count++];
        char *kind = NULL;
        entry->number = (int)strtol(at + MARK, &kind, 10);
        char *line_end = strchr(kind, '\n');
        char *begin = line_end == NULL ? kind + strlen(kind) : line_end + 1;
        char *next = next_heading(begin);
        if (line_end != NULL) {
            *line_end = '\0';
        }
        entry->kind = kind + (*kind == ' ');
        entry->bytes = begin;
        entry->size = entry_size(entry->kind, begin, next);
        at = next;
    }
    for (size_t i = 0; i < capture->count; i++) {
        struct buddy_entry_text *entry = &capture->entries[i];
        capture->text[entry->bytes - capture->text + (long)entry->size] = '\0';
    }
    return true;
}

void buddy_capture_free(struct buddy_capture *capture)
{
    free(capture->text);
    free(capture->entries);
    *capture = (struct buddy_capture){0};
}

bool buddy_entry_is(const struct buddy_entry_text *entry, const char *kind)
{
    size_t length = strlen(kind);
    return strncmp(entry->kind, kind, length) == 0 &&
           (entry->kind[length] == '\0' || entry->kind[length] == ' ');
}
