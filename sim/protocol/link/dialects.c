#include <string.h>

#include "sim/protocol/link/dialect.h"

/* Which server a model has: its family decides. */
static const struct {
    const char *family;
    const struct link_dialect *dialect;
} dialects[] = {
    {"mk3", &link_dialect_pi},
    {"buddy", &link_dialect_buddy},
    {"sl1", &link_dialect_sl1},
};

const char *link_dialect_name(const struct link_dialect *dialect)
{
    return dialect->name;
}

const struct link_dialect *link_dialect_of(const struct model *model)
{
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++) {
        if (strcmp(dialects[i].family, model->family) == 0) {
            return dialects[i].dialect;
        }
    }
    return NULL;
}
