#include <string.h>

#include "sim/machine/buddy_metadata.h"
#include "sim/protocol/connect/buddy_files.h"

/* Preview and metadata of a print file, in the tokens in which the firmware writes them
 * (PFB: src/connect/render.cpp, PreviewRenderer and GcodeMetaRenderer). */

enum { BASE64_GROUP = 4 };

static void write_preview(struct buddy_message *message, const char *base64, size_t size)
{
    buffer_append_text(&message->text, "\"preview\":\"");
    buddy_message_end(message);
    for (size_t at = 0; at < size; at += BASE64_GROUP) {
        buffer_append(&message->text, base64 + at,
                      size - at < BASE64_GROUP ? size - at : BASE64_GROUP);
        buddy_message_end(message);
    }
    /* That the picture is over is noticed only where another group would have fitted. */
    buffer_append_text(&message->text, "\",");
    buddy_message_end_room(message, BASE64_GROUP + 1);
}

/* Pieces of a string go out as they were read; the last has the quote and the comma. */
static void write_string(struct buddy_message *message, const struct buddy_item *item)
{
    size_t size = strlen(item->text), at = item->first_piece < size ? item->first_piece : size;
    buffer_format(&message->text, "\"%s\":\"", item->key);
    buddy_escape(&message->text, item->text, at);
    if (at == size) {
        buffer_append_text(&message->text, "\",");
        buddy_message_end(message);
        return;
    }
    buddy_message_end(message);
    while (at < size) {
        size_t piece = size - at < BUDDY_LINE_BYTES ? size - at : BUDDY_LINE_BYTES;
        buddy_escape(&message->text, item->text + at, piece);
        at += piece;
        if (at < size) {
            buddy_message_end(message);
        }
    }
    buffer_append_text(&message->text, "\",");
    buddy_message_end_fragile(message);
}

void buddy_file_details(struct buddy_message *message, const char *path,
                        const struct file_content *content)
{
    struct buddy_metadata metadata;
    if (!buddy_file_printable(path) || content == NULL) {
        return;
    }
    buddy_metadata_read(&metadata, buddy_path_name(path), content);
    if (metadata.preview != NULL) {
        write_preview(message, metadata.preview, metadata.preview_size);
    }
    for (size_t i = 0; i < metadata.count; i++) {
        const struct buddy_item *item = &metadata.items[i];
        if (item->number) {
            buffer_format(&message->text, "\"%s\":%s,", item->key, item->text);
            buddy_message_end(message);
        } else {
            write_string(message, item);
        }
    }
    buddy_metadata_free(&metadata);
}
