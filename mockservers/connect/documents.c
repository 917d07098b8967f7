#include "mockservers/connect/documents.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/hash.h"
#include "sim/base/memory.h"

enum { CAPACITY_LEAST = 64 };

static struct document **slot_of(const struct documents *documents, uint64_t hash, const char *text,
                                 size_t size)
{
    size_t at = (size_t)hash & (documents->capacity - 1);
    for (;; at = (at + 1) & (documents->capacity - 1)) {
        const struct document *there = documents->slots[at];
        if (there == NULL ||
            (there->hash == hash && there->size == size && memcmp(there->text, text, size) == 0)) {
            return &documents->slots[at];
        }
    }
}

static struct document **slot_of_document(const struct documents *documents,
                                          const struct document *document)
{
    return slot_of(documents, document->hash, document->text, document->size);
}

static void grow(struct documents *documents)
{
    struct document **old = documents->slots;
    size_t old_capacity = documents->capacity;
    documents->capacity = old_capacity == 0 ? CAPACITY_LEAST : old_capacity * 2;
    documents->slots = memory_new_array(documents->capacity, sizeof(struct document *));
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i] != NULL) {
            *slot_of_document(documents, old[i]) = old[i];
        }
    }
    free(old);
}

static void look_away(struct documents *documents)
{
    cJSON_Delete(documents->tree);
    documents->tree = NULL;
    documents->looked_at = NULL;
}

void documents_free(struct documents *documents)
{
    look_away(documents);
    for (size_t i = 0; i < documents->capacity; i++) {
        free(documents->slots[i]);
    }
    free(documents->slots);
    *documents = (struct documents){0};
}

struct document *documents_keep(struct documents *documents, const char *text, size_t size)
{
    uint64_t hash = hash_bytes(text, size);
    if ((documents->count + 1) * 2 > documents->capacity) {
        grow(documents);
    }
    struct document **slot = slot_of(documents, hash, text, size);
    if (*slot == NULL) {
        struct document *document = memory_new(sizeof *document + size + 1);
        document->hash = hash;
        document->size = size;
        memcpy(document->text, text, size);
        *slot = document;
        documents->count++;
    }
    (*slot)->users++;
    return *slot;
}

struct document *documents_keep_tree(struct documents *documents, const cJSON *tree)
{
    char *text = cJSON_PrintUnformatted(tree);
    assert(text != NULL); /* a tree can always be printed */
    struct document *document = documents_keep(documents, text, strlen(text));
    cJSON_free(text);
    return document;
}

/* What follows moves into the gap, so that nothing has to mark it. */
static void take_out(struct documents *documents, struct document *document)
{
    size_t mask = documents->capacity - 1;
    size_t hole = (size_t)(slot_of_document(documents, document) - documents->slots);
    documents->slots[hole] = NULL;
    documents->count--;
    for (size_t at = (hole + 1) & mask; documents->slots[at] != NULL; at = (at + 1) & mask) {
        struct document *moved = documents->slots[at];
        documents->slots[at] = NULL;
        *slot_of_document(documents, moved) = moved;
    }
}

void documents_release(struct documents *documents, struct document *document)
{
    if (document == NULL || --document->users > 0) {
        return;
    }
    if (documents->looked_at == document) {
        look_away(documents);
    }
    take_out(documents, document);
    free(document);
}

cJSON *document_read(const struct document *document)
{
    return document == NULL ? NULL : cJSON_ParseWithLength(document->text, document->size);
}

const cJSON *documents_look(struct documents *documents, const struct document *document)
{
    if (documents->looked_at != document) {
        look_away(documents);
        documents->tree = document_read(document);
        documents->looked_at = document;
    }
    return documents->tree;
}
