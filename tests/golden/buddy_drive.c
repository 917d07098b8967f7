#include <stdio.h>
#include <string.h>

#include "tests/golden/buddy_words.h"

/* The files of the captures ("box.gcode: G-code file with a 16x16 PNG thumbnail of 120 characters,
 * …"), and what a folder of the host was: its size, no time stamps in listings, a root that can be
 * asked for its size, no short names. */

enum { FILE_TIME_S = 1700000000, FOLDER_SIZE = 40, FOLDER_SIZE_PER_ENTRY = 20 };

static const char comments[] = "; filament used [mm] = 1234.56\n"
                               "; filament used [cm3] = 2.97\n"
                               "; filament used [g] = 3.68\n"
                               "; filament cost = 0.09\n"
                               "; total filament used [g] = 3.68\n"
                               "; total filament used for wipe tower [g] = 0.00\n"
                               "; estimated printing time (normal mode) = 1h 2m 3s\n"
                               "; estimated first layer printing time (normal mode) = 1m 2s\n"
                               "\n"
                               "; prusaslicer_config = begin\n"
                               "; bed_temperature = 60\n"
                               "; brim_width = 0\n"
                               "; filament_type = PLA\n"
                               "; fill_density = 15%\n"
                               "; ironing = 0\n"
                               "; layer_height = 0.2\n"
                               "; nozzle_diameter = 0.4\n"
                               "; printer_model = MK4\n"
                               "; support_material = 1\n"
                               "; temperature = 215\n"
                               "; temperature = 215,215\n"
                               "; size = 1\n"
                               "; max_layer_z = 20.2\n"
                               "; notes = a \"quoted\" \\ value\n";

/* Letters that no other place of the file has in this order. */
static void picture(struct buffer *out, const char *kind, const char *size, int letters)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    enum { LETTERS_OF_A_LINE = 78 };
    buffer_format(out, "; %s begin %s %d\n", kind, size, letters);
    for (int i = 0; i < letters; i++) {
        if (i % LETTERS_OF_A_LINE == 0) {
            buffer_append_text(out, i == 0 ? "; " : "\n; ");
        }
        buffer_append_char(out, alphabet[(i * 7 + i / 64) % 64]);
    }
    buffer_format(out, "\n; %s end\n;\n", kind);
}

/* Blank lines make up the size that the recorded file had. */
static struct file_content *gcode(struct buffer *head, const char *more, size_t size)
{
    struct buffer text = {0};
    buffer_append_text(&text, comments);
    buffer_append_text(&text, more);
    buffer_append_text(&text, "; prusaslicer_config = end\n");
    buffer_append_text(head, "G28\nG1 X10 Y10\n");
    while (head->size + text.size < size) {
        buffer_append_char(head, '\n');
    }
    buffer_append(head, text.bytes, text.size);
    struct file_content *content = file_content_of_bytes(head->bytes, head->size);
    buffer_free(&text);
    buffer_free(head);
    return content;
}

static struct file_content *box(void)
{
    struct buffer head = {0};
    picture(&head, "thumbnail", "16x16", 120);
    picture(&head, "thumbnail_QOI", "220x124", 120);
    picture(&head, "thumbnail", "220x124", 400);
    return gcode(&head, "", 1651);
}

static struct file_content *with_long_comments(void)
{
    struct buffer head = {0}, more = {0};
    picture(&head, "thumbnail", "220x124", 3000);
    for (int i = 0; i < 5; i++) {
        buffer_format(&more, "; long_key_%d = ", i);
        for (int k = 0; k < 100 + 40 * i; k++) {
            buffer_append_char(&more, (char)('a' + i));
        }
        buffer_append_char(&more, '\n');
    }
    struct file_content *content = gcode(&head, more.bytes, 5331);
    buffer_free(&more);
    return content;
}

static struct file_content *without_picture(void)
{
    struct buffer head = {0};
    return gcode(&head, "", 746);
}

static void add(struct file_node *folder, const char *name, const char *text)
{
    file_node_add(folder, file_node_file(name, false, FILE_TIME_S,
                                         file_content_of_bytes(text, strlen(text))));
}

static struct file_node *make_folder(void)
{
    struct file_node *folder = file_node_folder("dir", false, FILE_TIME_S);
    add(folder, "readme.txt", "read\n");
    add(folder, "příklad \"x\".gcode", "G28\n");
    add(folder, "c.bgcode", "x");
    add(folder, ".hidden.gcode", "G28\n");
    file_node_add(folder, file_node_file("a.gcode", false, FILE_TIME_S, without_picture()));
    file_node_add(folder, file_node_folder("sub", false, FILE_TIME_S));
    return folder;
}

void host_drive_init(struct host_drive *drive)
{
    struct file_node *root = file_node_folder("", false, FILE_TIME_S);
    add(root, "empty.gcode", "");
    add(root, "notes.txt", "notes");
    add(root, "fw.bbf", "firmwa");
    file_node_add(root, file_node_file("long.gcode", false, FILE_TIME_S, with_long_comments()));
    add(root, "plain.gcode", "G28\nG1 X1\n");
    file_node_add(root, file_node_file("box.gcode", false, FILE_TIME_S, box()));
    file_node_add(root, file_node_folder("empty", false, FILE_TIME_S));
    file_node_add(root, make_folder());
    storage_init(&drive->storage, "usb", STORAGE_USB, root);
    drive->root_time_s = FILE_TIME_S;
}

void host_drive_free(struct host_drive *drive)
{
    storage_free(&drive->storage);
}

/* tmpfs: 40 bytes and 20 for each entry, hidden ones too. */
static uint64_t host_size(const struct file_node *node)
{
    return node->folder ? FOLDER_SIZE + FOLDER_SIZE_PER_ENTRY * (uint64_t)node->child_count
                        : node->size;
}

static void fill(struct buddy_entry *entry, const struct file_node *node)
{
    *entry = (struct buddy_entry){.folder = node->folder,
                                  .has_stat = true,
                                  .size = host_size(node),
                                  .modified_s = node->modified_s,
                                  .content = node->content};
    snprintf(entry->long_name, sizeof entry->long_name, "%s", node->name);
}

static const struct file_node *find(struct host_drive *drive, const char *path)
{
    if (strncmp(path, "/usb", 4) != 0 || (path[4] != '/' && path[4] != '\0')) {
        return NULL;
    }
    return storage_find(&drive->storage, path[4] == '/' ? path + 5 : "");
}

static bool look(void *files, const char *path, struct buddy_entry *entry)
{
    struct host_drive *drive = files;
    const struct file_node *node = find(drive, path);
    if (node == NULL) {
        return false;
    }
    fill(entry, node);
    if (node == drive->storage.root) {
        entry->modified_s = drive->root_time_s;
    }
    return true;
}

static void list(void *files, const char *path, buddy_list_each *each, void *owner)
{
    const struct file_node *node = find(files, path);
    for (uint32_t i = 0; node != NULL && i < node->child_count; i++) {
        if (!file_name_hidden(node->children[i]->name)) {
            struct buddy_entry entry;
            fill(&entry, node->children[i]);
            entry.modified_s = 0;
            each(owner, &entry);
        }
    }
}

struct buddy_files host_drive_files(struct host_drive *drive)
{
    static const struct buddy_files_class class = {look, list};
    return (struct buddy_files){&class, drive};
}
