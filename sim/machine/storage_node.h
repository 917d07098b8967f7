#ifndef HOTBED_MACHINE_STORAGE_NODE_H
#define HOTBED_MACHINE_STORAGE_NODE_H

#include "sim/machine/storage.h"

/* Changing nodes: only storage*.c use this. */

/* A node with one reference; `size` bytes of the name are its. */
struct file_node *file_node_new(const char *name, size_t size);

/* Where a folder keeps its child of that name; NULL: it has none. */
struct file_node **file_node_slot(const struct file_node *folder, const char *name, size_t size);

/* Make the node in a slot ours alone, so that it may change. Its parent must be ours already. */
struct file_node *file_node_own(struct file_node **slot);

/* A child of the folder comes or goes: entries and bytes of the folder itself follow. */
void file_node_count_in(struct file_node *folder, const struct file_node *child);
void file_node_count_out(struct file_node *folder, const struct file_node *child);

#endif
