#include <stdlib.h>
#include <string.h>

#include "sim/base/buffer.h"
#include "sim/machine/metadata_parts.h"
#include "sim/machine/metadata_value.h"

/* What the slicers' habit of naming files tells: "sh_bn_0.6n_0.32mm_PETG_MK4_8h55m.gcode"
 * (file-formats.md 2.1; gcode-metadata: gcode_metadata/metadata.py, extract_data). */

/* At one place of the name the first that fits is taken. ("PLA Tough" stands behind PLA and is
 * never found.) */
static const char *const materials[] = {
    "PLA", "PETG", "ABS",  "ASA", "FLEX", "HIPS", "EDGE",  "NGEN", "PA",    "PVA",     "PCTG",
    "PP",  "PC",   "PEBA", "CPE", "PVB",  "PET",  "METAL", "TPU",  "NYLON", "IGLIDUR",
};

/* The longest first. The point stands for any character, as it does in the library's pattern. */
static const char *const printers[] = {
    "MK2.5SMMU2S", "MK3.9SMMU3", "MK3.5SMMU3", "MK2.5MMU2", "MK3SMMU2S", "MK3.9MMU3", "MK3.5MMU3",
    "MK4ISMMU3",   "MK3SMMU3",   "MK4SMMU3",   "COREONE",   "MK3MMU2",   "MK3MMU3",   "MK2.5S",
    "MK3.9S",      "MK3.5S",     "MINIIS",     "MK2.5",     "MK3.9",     "MK3.5",     "MK4IS",
    "XL2IS",       "XL5IS",      "HT90",       "MK3S",      "MK4S",      "MINI",      "XLIS",
    "SL1S",        "MK3",        "MK4",        "XL2",       "XL5",       "SL1",       "XL",
    "M1",          "iX",
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_unit(char byte)
{
    return byte == 'd' || byte == 'h' || byte == 'm';
}

static bool is_word(char byte)
{
    return is_digit(byte) || byte == '_' || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || (unsigned char)byte >= 0x80;
}

static void set(struct metadata *metadata, const char *key, const char *value, size_t size)
{
    metadata_set(metadata, key, strlen(key), value, size);
}

/* Digits and points right before `unit`. False: they are found, but are no number, and the library
 * gives up. */
static bool read_measure(struct metadata *metadata, const char *name, const char *unit,
                         const char *key)
{
    for (const char *c = name; *c != '\0';) {
        size_t size = strspn(c, "0123456789.");
        if (size > 0 && strncmp(c + size, unit, strlen(unit)) == 0) {
            struct buffer number = {0};
            double value;
            bool is_number = metadata_value_float(&number, c, size, &value);
            buffer_free(&number);
            if (is_number) {
                set(metadata, key, c, size);
            }
            return is_number;
        }
        c += size > 0 ? size : 1;
    }
    return true;
}

static bool fits(const char *at, const char *pattern)
{
    for (; *pattern != '\0'; at++, pattern++) {
        if (*at == '\0' || (*at != *pattern && (*pattern != '.' || *at == '\n'))) {
            return false;
        }
    }
    return true;
}

static void read_word(struct metadata *metadata, const char *name, const char *const *words,
                      size_t count, const char *key)
{
    for (const char *c = name; *c != '\0'; c++) {
        for (size_t i = 0; i < count; i++) {
            if (fits(c, words[i])) {
                set(metadata, key, c, strlen(words[i]));
                return;
            }
        }
    }
}

/* "1d1h42m", not followed by more of a word. */
static void read_time(struct metadata *metadata, const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if (!is_digit(*c)) {
            continue;
        }
        const char *end = c;
        for (const char *group = c;;) {
            while (is_digit(*group)) {
                group++;
            }
            if (!is_unit(*group)) {
                break;
            }
            while (is_unit(*group)) {
                group++;
            }
            end = group;
        }
        if (end > c && !is_word(*end)) {
            set(metadata, "estimated printing time (normal mode)", c, (size_t)(end - c));
            return;
        }
    }
}

bool metadata_read_name(struct metadata *metadata, const char *name)
{
    if (!read_measure(metadata, name, "n", "nozzle_diameter") ||
        !read_measure(metadata, name, "mm", "layer_height")) {
        metadata_free(metadata);
        return false;
    }
    read_word(metadata, name, materials, sizeof materials / sizeof *materials, "filament_type");
    read_word(metadata, name, printers, sizeof printers / sizeof *printers, "printer_model");
    read_time(metadata, name);
    return true;
}
