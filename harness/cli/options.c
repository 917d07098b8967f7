#include "harness/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/duration.h"
#include "sim/base/memory.h"

void cli_list_add(struct cli_list *list, const char *item)
{
    list->items = memory_resize(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = item;
}

void cli_list_free(struct cli_list *list)
{
    free(list->items);
    *list = (struct cli_list){0};
}

/* The name of the command is what its usage line begins with: "run", "mock connect". */
static int name_size(const char *line)
{
    size_t size = strcspn(line, "[ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    while (size > 0 && line[size - 1] == ' ') {
        size--;
    }
    return (int)size;
}

int cli_complain(const struct cli_usage *usage, const char *format, ...)
{
    int size = name_size(usage->line);
    fprintf(stderr, "hotbed %.*s: ", size, usage->line);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "; hotbed %.*s --help says how it is used\n", size, usage->line);
    return CLI_BAD_USAGE;
}

enum { HELP_COLUMN = 24 };

static void print_option(const struct cli_option *option)
{
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", option->name, option->argument != NULL ? " " : "",
             option->argument != NULL ? option->argument : "");
    if (strlen(left) > HELP_COLUMN) { /* its help begins below it */
        printf("  %s\n", left);
        left[0] = '\0';
    }
    const char *help = option->help;
    size_t size = strcspn(help, "\n");
    printf("  %-*s %.*s\n", HELP_COLUMN, left, (int)size, help);
    for (help += size; *help == '\n'; help += size) {
        help++;
        size = strcspn(help, "\n");
        printf("  %-*s %.*s\n", HELP_COLUMN, "", (int)size, help);
    }
}

void cli_print_help(const struct cli_usage *usage)
{
    printf("usage: hotbed %s\n\n%s\n", usage->line, usage->about);
    printf("\noptions:\n");
    for (const struct cli_option *option = usage->options; option != NULL && option->name != NULL;
         option++) {
        print_option(option);
    }
    printf("  %-*s %s\n", HELP_COLUMN, "--help", "print this");
    if (usage->example != NULL) {
        printf("\nexample:\n%s\n", usage->example);
    }
}

static bool take_value(const struct cli_option *option, const char *text, struct error *error)
{
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->value = true;
        return true;
    case CLI_TEXT:
        *(const char **)option->value = text;
        return true;
    case CLI_LIST:
        cli_list_add(option->value, text);
        return true;
    case CLI_NUMBER: {
        char *end = NULL;
        errno = 0;
        unsigned long long number = strtoull(text, &end, 0);
        if (*text < '0' || *text > '9' || *end != '\0' || errno != 0) {
            return error_set(error, "--%s %s: expected a whole number from 0 to 2^64-1",
                             option->name, text);
        }
        *(uint64_t *)option->value = number;
        return true;
    }
    case CLI_DURATION:
        return duration_parse(text, option->value, error) ||
               error_prefix(error, "--%s", option->name);
    }
    return false;
}

static const struct cli_option *find_option(const struct cli_usage *usage, const char *name,
                                            size_t size)
{
    for (const struct cli_option *option = usage->options; option != NULL && option->name != NULL;
         option++) {
        if (strlen(option->name) == size && memcmp(option->name, name, size) == 0) {
            return option;
        }
    }
    return NULL;
}

/* argv[*at] is an option; takes its value from it or from the next argument. Returns as
 * cli_parse(). */
static int take_option(int argc, char **argv, int *at, const struct cli_usage *usage)
{
    const char *name = argv[*at] + 2;
    size_t size = strcspn(name, "=");
    const struct cli_option *option = find_option(usage, name, size);
    if (option == NULL) {
        return cli_complain(usage, "there is no option --%.*s", (int)size, name);
    }
    const char *value = name[size] == '=' ? name + size + 1 : NULL;
    if (option->kind == CLI_FLAG && value != NULL) {
        return cli_complain(usage, "--%s takes no value", option->name);
    }
    if (option->kind != CLI_FLAG && value == NULL) {
        if (*at + 1 >= argc) {
            return cli_complain(usage, "--%s needs %s", option->name, option->argument);
        }
        value = argv[++*at];
    }
    struct error error;
    if (!take_value(option, value, &error)) {
        return cli_complain(usage, "%s", error.text);
    }
    if (option->given != NULL) {
        *option->given = true;
    }
    return -1;
}

int cli_parse(int argc, char **argv, const struct cli_usage *usage, struct cli_list *arguments)
{
    bool options = true;
    for (int i = 1; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            cli_print_help(usage);
            return CLI_HELD;
        } else if (options && strncmp(argv[i], "--", 2) == 0) {
            int result = take_option(argc, argv, &i, usage);
            if (result != -1) {
                return result;
            }
        } else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
            return cli_complain(usage, "there is no option %s", argv[i]);
        } else {
            cli_list_add(arguments, argv[i]);
        }
    }
    return -1;
}
