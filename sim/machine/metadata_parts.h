#ifndef HOTBED_MACHINE_METADATA_PARTS_H
#define HOTBED_MACHINE_METADATA_PARTS_H

#include "sim/machine/metadata.h"

/* For metadata*.c alone. */

/* Set what the library would keep of `; name = value`; does nothing for other names and for values
 * that do not convert. */
void metadata_set(struct metadata *metadata, const char *name, size_t name_size, const char *value,
                  size_t size);
/* The entry of a dictionary: it keeps its place when it gets a new value. Takes over `json`. */
void metadata_put(struct metadata *metadata, const char *key, char *json);
/* Likewise; takes over key and text. False: there are too many, and they are freed. */
bool metadata_put_thumbnail(struct metadata *metadata, char *key, char *text, size_t size);
void metadata_drop_thumbnails(struct metadata *metadata);
void metadata_set_true(struct metadata *metadata, const char *name);

/* False: the library stumbles over this name and reads nothing at all, not even the file. */
bool metadata_read_name(struct metadata *metadata, const char *name);

/* Head and tail of the file; what stops the library stops this, and what was found stays. */
void metadata_read_content(struct metadata *metadata, const struct file_content *content);

/* config.json and the thumbnails of a project. */
void metadata_read_sl1(struct metadata *metadata, const struct file_content *content);

#endif
