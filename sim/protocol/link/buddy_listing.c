#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "sim/machine/buddy_metadata.h"
#include "sim/protocol/connect/buddy_files.h"
#include "sim/protocol/link/buddy_link.h"
#include "sim/wire/digest.h"

/* Files and folders: what is told of them, their thumbnails and their bytes (prusalink.md 3.8, 4.5,
 * 4.6; PFB: lib/WUI/nhttp/file_info.cpp, gcode_preview.cpp, lib/WUI/link_content). */

/* A running value under the path as it was asked for (PFB: src/transfers/changed_path.cpp). */
uint32_t buddy_etag(const struct buddy_link *link, const char *path)
{
    return (uint32_t)crc32(link->changes, (const Bytef *)path, (uInt)strlen(path));
}

/* Of a file: anything that changes with it. */
static uint32_t file_etag(const struct file_node *node, const char *path)
{
    char text[512], hash[65];
    int size = snprintf(text, sizeof text, "%.300s %" PRIu64 " %" PRId64, path, node->size,
                        node->modified_s);
    digest_sha256_hex(hash, text, (size_t)size);
    uint32_t etag = 0;
    sscanf(hash, "%8" SCNx32, &etag);
    return etag;
}

/* ---- one entry ---- */

struct entry {
    const char *folder; /* short path */
    char short_name[13];
    const struct file_node *node;
    bool partial;
};

static void path_field(struct buddy_message *message, const char *name, const char *before,
                       const struct entry *entry)
{
    struct buffer value = {0};
    buffer_format(&value, "%s%s/%s", before, entry->folder, entry->short_name);
    buddy_text(message, name, buffer_text(&value));
    buffer_free(&value);
}

static const char *read_only_key(const struct link_face *face)
{
    return link_quirk(face, 20) ? "ro" : "read_only";
}

static const char *type_of(const struct entry *entry)
{
    return entry->node->folder && !entry->partial ? "FOLDER" : buddy_file_type(entry->node->name);
}

static void add_child(struct link_face *face, struct buddy_message *message,
                      const struct entry *entry)
{
    bool folder = entry->node->folder && !entry->partial;
    buddy_object(message, NULL);
    buddy_text(message, "name", entry->short_name);
    buddy_bool(message, read_only_key(face), entry->partial);
    buddy_text(message, "type", type_of(entry));
    buddy_int(message, "m_timestamp", buddy_fat_time(entry->node->modified_s));
    if (!folder) {
        buddy_object(message, "refs");
        path_field(message, "icon", "/thumb/s", entry);
        path_field(message, "thumbnail", "/thumb/l", entry);
        if (!entry->partial) {
            path_field(message, "download", "", entry);
        }
        buddy_object_end(message);
    }
    buddy_text(message, "display_name", entry->node->name);
    buddy_object_end(message);
}

/* Folders, print files and what Connect is sending; a folder whose name looks like a print file's
 * is hidden unless it is one in the making. */
static bool shown(const struct entry *entry)
{
    bool printable = buddy_file_printable(entry->short_name);
    return entry->node->name[0] != '.' &&
           (entry->node->folder ? !printable || entry->partial : printable);
}

static void add_octo_child(struct buddy_message *message, const struct entry *entry)
{
    struct entry below = *entry; /* where the folder's name stands for its path */
    below.folder = buddy_path_name(entry->folder);
    buddy_object(message, NULL);
    buddy_text(message, "name", entry->short_name);
    buddy_text(message, "display", entry->node->name);
    path_field(message, "path", "", &below);
    buddy_custom(message, "\"origin\":\"usb\",", "", "");
    buddy_object(message, "refs");
    path_field(message, "resource", "/api/files", entry);
    path_field(message, "thumbnailSmall", "/thumb/s", entry);
    path_field(message, "thumbnailBig", "/thumb/l", entry);
    path_field(message, "download", "", &below);
    buddy_object_end(message);
    buddy_object_end(message);
}

/* ---- folders ---- */

static void add_children(struct link_face *face, struct buddy_message *message, bool octoprint,
                         const struct buddy_place *place)
{
    const struct file_node *folder = place->node;
    for (uint32_t i = 0; folder != NULL && i < folder->child_count; i++) {
        struct entry entry = {.folder = buffer_text(&place->shorter), .node = folder->children[i]};
        entry.partial = buddy_place_partial(entry.node);
        buddy_place_short_name(face->machine, place, i, entry.short_name);
        if (octoprint && buddy_file_printable(entry.short_name)) {
            add_octo_child(message, &entry);
        } else if (!octoprint && shown(&entry)) {
            add_child(face, message, &entry);
        }
    }
}

static void write_folder(struct link_face *face, struct buddy_message *message,
                         const struct buddy_place *place)
{
    buddy_object(message, NULL);
    buddy_text(message, "type", "FOLDER");
    buddy_bool(message, read_only_key(face), false);
    if (place->parent != NULL) {
        buddy_int(message, "m_timestamp", buddy_fat_time(place->node->modified_s));
    }
    buddy_text(message, "name", buddy_path_name(buffer_text(&place->shorter)));
    buddy_array(message, "children");
    add_children(face, message, false, place);
    buddy_array_end(message);
    buddy_object_end(message);
}

static void write_octo_folder(struct link_face *face, struct buddy_message *message,
                              const struct buddy_place *place)
{
    buddy_object(message, NULL);
    buddy_array(message, "files");
    buddy_object(message, NULL);
    buddy_custom(message,
                 "\"name\":\"USB\",\"path\":\"/usb\",\"display\":\"USB\",\"type\":\"folder\","
                 "\"origin\":\"usb\",",
                 "", "");
    buddy_array(message, "children");
    add_children(face, message, true, place);
    buddy_array_end(message);
    buddy_object_end(message);
    buddy_array_end(message);
    buddy_object_end(message);
}

/* ---- files ---- */

static void write_file(struct link_face *face, struct buddy_message *message,
                       const struct buddy_place *place)
{
    const char *shorter = buffer_text(&place->shorter);
    bool partial = buddy_place_partial(place->node);
    buddy_object(message, NULL);
    buddy_text(message, "name", buddy_path_name(shorter));
    buddy_bool(message, read_only_key(face), partial);
    buddy_text(message, "type", buddy_file_type(place->node->name));
    buddy_int(message, "m_timestamp", buddy_fat_time(place->node->modified_s));
    buddy_int(message, "size", (int64_t)place->node->size);
    buddy_object(message, "refs");
    if (buddy_file_printable(shorter)) {
        buddy_custom(message, "\"icon\":\"/thumb/s", shorter, "\",");
        buddy_custom(message, "\"thumbnail\":\"/thumb/l", shorter, "\",");
    }
    buddy_text(message, "download", shorter);
    buddy_object_end(message);
    buddy_text(message, "display_name", place->node->name);
    buddy_object_end(message);
}

static void write_octo_file(struct buddy_message *message, const struct buddy_place *place)
{
    const char *shorter = buffer_text(&place->shorter);
    buddy_object(message, NULL);
    buddy_text(message, "name", place->node->name);
    buddy_text(message, "origin", "local");
    buddy_int(message, "size", (int64_t)place->node->size);
    buddy_object(message, "refs");
    buddy_custom(message, "\"resource\":\"/api/files", shorter, "\",");
    buddy_custom(message, "\"thumbnailSmall\":\"/thumb/s", shorter, "\",");
    buddy_custom(message, "\"thumbnailBig\":\"/thumb/l", shorter, "\",");
    buddy_text(message, "download", shorter);
    buddy_object_end(message);
    buddy_object_end(message);
}

/* ---- replies ---- */

static void write_place(struct link_face *face, const struct buddy_listing *listing, bool folder,
                        const struct buddy_place *place, struct buddy_message *message)
{
    if (folder) {
        (listing->octoprint ? write_octo_folder : write_folder)(face, message, place);
    } else if (listing->octoprint) {
        write_octo_file(message, place);
    } else {
        write_file(face, message, place);
    }
}

void buddy_listing_reply(struct link_request *request, const struct buddy_listing *listing)
{
    struct link_face *face = request->face;
    struct buddy_place place;
    bool root = strcmp(listing->path, "/usb") == 0 || strcmp(listing->path, "/usb/") == 0;
    if (!buddy_place_find(face->machine, listing->path, &place) && !root) {
        buddy_page_reply(
            request, &(struct buddy_page){.status = 404,
                                          .closing = listing->keep_alive ? BUDDY_KEEP : BUDDY_CLOSE,
                                          .json = listing->json});
        buddy_place_free(&place);
        return;
    }
    /* Without a drive the root is an empty folder. */
    bool folder = place.node == NULL || (place.node->folder && !buddy_place_partial(place.node));
    char headers[96];
    snprintf(headers, sizeof headers, "Read-Only: false\r\nCurrently-%s: %s\r\n",
             link_quirk(face, 20) ? "Printing" : "Printed",
             buddy_prints(face->machine, buffer_text(&place.path)) ? "true" : "false");
    const struct buddy_document document = {.status = listing->created ? 201 : 200,
                                            .keep_alive = listing->keep_alive,
                                            .etag = folder ? listing->etag : NULL,
                                            .headers = headers};
    struct buddy_message message = {0};
    if (!listing->head) {
        write_place(face, listing, folder, &place, &message);
    }
    buddy_document_reply(request, &document, listing->head ? NULL : &message);
    buddy_message_free(&message);
    buddy_place_free(&place);
}

/* ---- thumbnails and downloads ---- */

static void not_found(struct link_request *request, const struct buddy_asked *asked,
                      const char *text)
{
    buddy_refuse(request, asked, 404, text);
}

static void send_thumbnail(struct link_request *request, const struct buddy_asked *asked,
                           bool small, const struct buddy_place *place)
{
    enum { ICON = 16 };
    const struct buddy_wish wish = {.width = small ? ICON : BUDDY_PREVIEW_PIXELS_MIN,
                                    .height = small ? ICON : BUDDY_PREVIEW_PIXELS_MIN,
                                    .format = BUDDY_PNG,
                                    .larger = !small};
    uint32_t etag = file_etag(place->node, buffer_text(&place->path));
    enum buddy_closing closing = buddy_closing_plain(asked);
    struct buffer picture = {0};
    if (asked->none_match == etag && etag != 0) {
        buddy_page_reply(request,
                         &(struct buddy_page){.status = 304, .closing = closing, .etag = &etag});
    } else if (buddy_picture_read(&picture, place->node->name, place->node->content, &wish)) {
        const struct buddy_document document = {
            .status = 200, .keep_alive = asked->keep_alive, .etag = &etag};
        buddy_chunks_reply(request, &document, "image/png", picture.bytes, picture.size);
    } else {
        buddy_page_reply(request, &(struct buddy_page){.status = 404,
                                                       .closing = closing,
                                                       .json = asked->json,
                                                       .text = "File doesn't contain preview"});
    }
    buffer_free(&picture);
}

void buddy_thumbnail_reply(struct link_request *request, const struct buddy_asked *asked)
{
    static const size_t prefix = sizeof "/thumb/s" - 1;
    char size = asked->target[sizeof "/thumb/" - 1];
    struct buffer path = {0};
    struct buddy_place place = {0};
    if (size != 's' && size != 'l') {
        not_found(request, asked, "Thumbnail size specification not recognized");
    } else if (!buddy_decode(asked->target, BUDDY_LINK_PATH_MAX + 1 + prefix + 1, &path) ||
               path.size < prefix) {
        not_found(request, asked, "This doesn't look like file name");
    } else if (asked->method != LINK_GET) {
        buddy_refuse(request, asked, 405, NULL);
    } else {
        buffer_consume(&path, prefix);
        buddy_place_find(request->face->machine, buffer_text(&path), &place);
        if (place.node == NULL || place.node->folder) {
            not_found(request, asked, NULL);
        } else {
            send_thumbnail(request, asked, size == 's', &place);
        }
    }
    buddy_place_free(&place);
    buffer_free(&path);
}

static const char *content_type(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {{".html", "text/html; charset=utf-8"},
                 {".htm", "text/html; charset=utf-8"},
                 {".css", "text/css"},
                 {".js", "application/javascript"},
                 {".ico", "image/vnd.microsoft.icon"},
                 {".png", "image/png"},
                 {".svg", "image/svg+xml"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++) {
        if (strcasecmp(dot, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

void buddy_download_reply(struct link_request *request, const struct buddy_asked *asked)
{
    struct buffer path = {0};
    struct buddy_place place = {0};
    if (!buddy_decode(asked->target, BUDDY_LINK_PATH_MAX + 1, &path)) {
        not_found(request, asked, "This doesn't look like file name");
    } else if (asked->method != LINK_GET) {
        buddy_refuse(request, asked, 405, NULL);
    } else {
        buddy_place_find(request->face->machine, buffer_text(&path), &place);
        if (place.node == NULL || place.node->folder) {
            not_found(request, asked, NULL);
        } else {
            const struct buddy_document document = {.status = 200,
                                                    .keep_alive = asked->keep_alive,
                                                    .headers =
                                                        "Content-Disposition: attachment\r\n"};
            buddy_bytes_reply(request, &document, content_type(buffer_text(&path)), NULL, 0,
                              place.node->content);
        }
    }
    buddy_place_free(&place);
    buffer_free(&path);
}
