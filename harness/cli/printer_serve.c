#include "harness/cli/printer_serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/protocol/link/misbehave.h"

static bool read_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *port = (uint16_t)value;
    return *text >= '0' && *text <= '9' && *end == '\0' && value <= UINT16_MAX;
}

/* "8080", "0.0.0.0:8080", "[::1]:8080" */
static bool read_place(struct endpoint *place, const char *text, struct error *error)
{
    const char *colon = strrchr(text, ':');
    const char *host = colon == NULL ? "127.0.0.1" : text;
    size_t size = colon == NULL ? strlen(host) : (size_t)(colon - text);
    if (size > 2 && host[0] == '[' && host[size - 1] == ']') {
        host++;
        size -= 2;
    }
    *place = (struct endpoint){0};
    if (size == 0 || size >= sizeof place->host ||
        !read_port(colon == NULL ? text : colon + 1, &place->port)) {
        return error_set(
            error,
            "--prusalink %s: expected PORT or HOST:PORT, with a port from 0 (a free one) to 65535",
            text);
    }
    memcpy(place->host, host, size);
    return true;
}

static const char *or_environment(const char *given, const char *name)
{
    const char *value = given == NULL ? getenv(name) : given;
    return value == NULL || *value == '\0' ? NULL : value;
}

bool printer_serve_prepare(struct printer_serve *serve, const struct model *model, const char *name,
                           const char *location, const char *connect, uint64_t quirks,
                           struct error *error)
{
    link_settings_defaults(&serve->settings);
    serve->password = or_environment(serve->password, "HOTBED_PASSWORD");
    serve->api_key = or_environment(serve->api_key, "HOTBED_API_KEY");
    serve->settings.user = serve->user;
    serve->settings.password = serve->password;
    serve->settings.api_key = serve->api_key;
    serve->settings.quirks = quirks;
    serve->settings.name = name;
    serve->settings.location = location;
    serve->settings.update = serve->update;
    if (connect != NULL && endpoint_parse(&serve->connect, connect, NULL, NULL)) {
        serve->settings.connect_hostname = serve->connect.host;
        serve->settings.connect_port = serve->connect.port;
        serve->settings.connect_tls = serve->connect.tls;
    }
    if (serve->upload_rate != NULL &&
        !link_upload_rate(model, serve->upload_rate, &serve->settings.upload_bytes_per_s, error)) {
        error_prefix(error, "--upload-rate");
        return false;
    }
    for (size_t i = 0; i < serve->misbehave.count; i++) {
        if (!link_misbehaviour_check(serve->misbehave.items[i], error)) {
            return error_prefix(error, "--misbehave (--list-misbehaviours tells all)");
        }
    }
    return read_place(&serve->place, serve->at, error) &&
           link_settings_check(&serve->settings, model, error);
}

void printer_serve_list_misbehaviours(void)
{
    size_t count;
    const struct link_misbehaviour *list = link_misbehaviour_list(&count);
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s%s", list[i].name, list[i].argument == NULL ? "" : "=",
                 list[i].argument == NULL ? "" : list[i].argument);
        printf("%-26s %s\n", name, list[i].help);
    }
}

static bool misbehave(const struct printer_serve *serve, struct link_face *face,
                      struct error *error)
{
    for (size_t i = 0; i < serve->misbehave.count; i++) {
        if (!link_face_misbehave(face, serve->misbehave.items[i], error)) {
            return error_prefix(error, "--misbehave");
        }
    }
    return true;
}

bool printer_serve_open(struct printer_serve *serve, struct printer *printer, size_t index,
                        struct error *error)
{
    struct endpoint place = serve->place;
    if (place.port != 0) {
        if (index > (size_t)(UINT16_MAX - place.port)) {
            return error_set(error, "--count: there is no port behind %u for printer %zu",
                             UINT16_MAX, index + 1);
        }
        place.port = (uint16_t)(place.port + index);
    }
    struct link_face *face = printer_link_face(printer);
    if (!misbehave(serve, face, error) || !printer_listen(printer, &place, error)) {
        return false;
    }
    bool six = strchr(place.host, ':') != NULL;
    printf("%s: PrusaLink at http://%s%s%s:%u, user %s", printer_name(printer), six ? "[" : "",
           place.host, six ? "]" : "", (unsigned)place.port, link_face_user(face));
    if (serve->password == NULL) {
        printf(", password %s", link_face_password(face));
    }
    putchar('\n');
    fflush(stdout);
    return true;
}
