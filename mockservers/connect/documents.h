#ifndef HOTBED_MOCKSERVERS_CONNECT_DOCUMENTS_H
#define HOTBED_MOCKSERVERS_CONNECT_DOCUMENTS_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

/* JSON that is kept for long, as text: a tree of cJSON takes ten times as much. Who keeps the same
 * text shares it, as the printers of a farm with the same files do. It is parsed for whoever reads
 * it. */

struct document {
    uint64_t hash;
    size_t users;
    size_t size;
    char text[]; /* NUL behind it */
};

struct documents {
    struct document **slots; /* open addressing; NULL: free */
    size_t capacity;         /* a power of two, or 0 */
    size_t count;
    const struct document *looked_at;
    cJSON *tree; /* of that */
};

void documents_free(struct documents *documents); /* those that somebody keeps, too */

/* The document with this text. Its keeper gives it back. */
struct document *documents_keep(struct documents *documents, const char *text, size_t size);
struct document *documents_keep_tree(struct documents *documents, const cJSON *tree);
void documents_release(struct documents *documents, struct document *document); /* NULL is fine */

/* The reader's own tree; NULL for none. */
cJSON *document_read(const struct document *document);
/* The same for a short look: until the next one, and until the document is given back. */
const cJSON *documents_look(struct documents *documents, const struct document *document);

#endif
