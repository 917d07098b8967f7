#ifndef HOTBED_SYNC_FARM_DOCUMENT_H
#define HOTBED_SYNC_FARM_DOCUMENT_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include <yaml.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"

/* A farm file as a tree that knows its lines, in either form: JSON is YAML but for two escapes.
 * What may be a key is the user's choice here, which libcyaml's schemas cannot say. */

enum { FARM_DOCUMENT_BYTES_MAX = 4 * 1024 * 1024, FARM_DOCUMENT_DEPTH_MAX = 16 };

struct farm_document {
    const char *place; /* the file, for errors; kept, not copied */
    bool json;
    yaml_document_t yaml;
    regex_t typed; /* what a plain scalar is that is no text */
    bool loaded;
};

/* False with "FILE:LINE: …", without any value of the file in it: there are passwords among them.
 */
bool farm_document_load(struct farm_document *document, const char *place, const char *bytes,
                        size_t size, struct error *error);
void farm_document_free(struct farm_document *document);
/* Free the text of a farm file, and leave nothing of it in memory. */
void farm_document_forget(struct buffer *text);

yaml_node_t *farm_document_node(struct farm_document *document, yaml_node_item_t item);
unsigned farm_node_line(const yaml_node_t *node);
/* Of a scalar; NULL: another kind of node, or one with a zero byte in it. */
const char *farm_node_text(const yaml_node_t *node);
/* Whether a scalar is a number, a truth, a date or nothing instead of a text: by YAML 1.1 as Link
 * Sync's loader reads it, and in JSON whatever is not between quotes. */
bool farm_node_is_other(const struct farm_document *document, const yaml_node_t *node);

/* Each key of a mapping and its value, those that it takes over by `<<` included, its own first.
 * False to stop. */
typedef bool farm_node_pair(void *owner, const yaml_node_t *key, const yaml_node_t *value,
                            bool merged);
bool farm_node_each(struct farm_document *document, const yaml_node_t *mapping,
                    farm_node_pair *pair, void *owner, struct error *error);

#endif
