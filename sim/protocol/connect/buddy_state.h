#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_STATE_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a printer with Buddy firmware knows of itself when it talks to Connect: one snapshot, from
 * which every message is rendered (connect-buddy.md; PFB: src/connect/printer.hpp). Numbers that
 * the firmware keeps in `float` are `float` here: their digits are part of the protocol. */

enum {
    BUDDY_SLOTS = 5,         /* tools of an XL, filaments of an MMU */
    BUDDY_BUTTONS = 5,       /* of a dialog */
    BUDDY_BUTTONS_FEW = 4,   /* … on the MINI and the iX */
    BUDDY_OBJECT_NAMES = 16, /* cancellable objects whose names are kept */
    BUDDY_OBJECTS = 64,      /* … that can be cancelled */
    BUDDY_OBJECT_NAME_BYTES = 32,
    BUDDY_MATERIAL_BYTES = 8,
    BUDDY_FINGERPRINT_BYTES = 51,
    BUDDY_FINGERPRINT_HEADER = 16, /* characters of it in HTTP headers */
    BUDDY_TOKEN_MAX = 20,
    BUDDY_CODE_MAX = 25,
    BUDDY_HOSTNAME_MAX = 20,
    BUDDY_JOBS_KEPT = 2, /* ended jobs whose result is known */
    BUDDY_FILTER_LIFETIME_S = 2160000,
};

enum buddy_device_state {
    BUDDY_UNKNOWN,
    BUDDY_IDLE,
    BUDDY_PRINTING,
    BUDDY_PAUSED,
    BUDDY_FINISHED,
    BUDDY_STOPPED,
    BUDDY_READY,
    BUDDY_BUSY,
    BUDDY_ATTENTION,
    BUDDY_ERROR,
    BUDDY_DEVICE_STATES,
};

const char *buddy_device_state_name(enum buddy_device_state state); /* "IDLE" */

/* Buttons of dialogs (connect-buddy.md 6.6). Names are exact: "Print" and "PRINT" are two. */
enum buddy_button { BUDDY_BUTTON_NONE = 0 };

const char *buddy_button_name(enum buddy_button button);
/* BUDDY_BUTTON_NONE: there is none of that name. */
enum buddy_button buddy_button_find(const char *name, size_t size);

/* What a build of the firmware has in it; a printer model decides. */
struct buddy_build {
    int type, version, subversion;
    const char *user_agent; /* "Buddy_MK4" */
    int error_prefix;       /* XX of error codes */
    int slots;              /* at most so many */
    int buttons;            /* at most so many */
    int mapped_tools;       /* both sizes of a tool mapping; 0: it is ignored */
    int tool_properties;    /* tools whose nozzle SET_VALUE can change */
    bool mmu;
    bool tool_changer; /* each slot has a head of its own */
    bool enclosure;
    bool chamber;
    bool light;         /* chamber.led_intensity */
    bool board_sensors; /* heat break, power supply, ambient, two filament sensors: iX */
};

struct buddy_slot {
    char material[BUDDY_MATERIAL_BYTES]; /* "" : none is known */
    float nozzle_c;
    float hotend_fan_rpm, print_fan_rpm;
    float nozzle_diameter_mm;
    bool high_flow, hardened;
};

enum buddy_sensor {
    BUDDY_SENSOR_NOT_INITIALIZED,
    BUDDY_SENSOR_NOT_CALIBRATED,
    BUDDY_SENSOR_HAS_FILAMENT,
    BUDDY_SENSOR_NO_FILAMENT,
    BUDDY_SENSOR_NOT_CONNECTED,
    BUDDY_SENSOR_DISABLED,
    BUDDY_SENSORS,
    BUDDY_SENSOR_ABSENT = BUDDY_SENSORS,
};

struct buddy_dialog {
    bool shown;
    uint32_t id;
    bool coded;
    int code;          /* generic: the prefix of the model is put in when it is rendered */
    const char *title; /* NULL: none; of error screens */
    const char *text;
    bool has_buttons; /* the list may be empty */
    enum buddy_button buttons[BUDDY_BUTTONS];
    int button_count;
};

/* A transfer of a file to the printer, whoever sends it. */
struct buddy_transfer {
    bool running;
    uint32_t id;
    bool from_connect;
    uint64_t size_bytes, received_bytes;
    uint32_t seconds;        /* since its start */
    const char *destination; /* NULL: not known */
};

struct buddy_interface {
    bool up;
    uint8_t mac[6];
    uint8_t ipv4[4];
};

struct buddy_ended_job {
    uint16_t id;
    bool finished; /* else stopped */
};

#define BUDDY_TIME_UNKNOWN UINT32_MAX

struct buddy_state {
    enum buddy_device_state device;
    struct buddy_dialog dialog;
    struct buddy_transfer transfer;
    bool printing; /* every print state but those of rest (3.3) */

    /* identity and network: INFO */
    const char *firmware, *serial;
    char fingerprint[BUDDY_FINGERPRINT_BYTES];
    bool appendix;
    bool can_start_download;
    const char *api_key;  /* "" : none */
    const char *hostname; /* "" : none */
    const char *ssid;     /* "" : none */
    struct buddy_interface lan, wifi;
    bool usb;
    uint64_t usb_free_bytes;
    bool addon_power;
    int mmu_version[3];

    /* job */
    bool job;
    uint16_t job_id;
    const char *job_path; /* as the print was started with */
    const char *job_name; /* long; NULL: the last component of the path */
    uint32_t printing_s;
    uint32_t remaining_s; /* BUDDY_TIME_UNKNOWN */
    uint32_t change_in_s; /* to the next pause or colour change; BUDDY_TIME_UNKNOWN */
    int progress_percent;
    struct buddy_ended_job ended[BUDDY_JOBS_KEPT];
    int ended_count;

    /* heat and motion */
    float bed_c, nozzle_target_c, bed_target_c;
    float x_mm, y_mm, z_mm;
    int speed_percent, flow_percent;
    float filament_mm; /* over the printer's life */
    unsigned slot_mask;
    int slot_active; /* 0: none, 1..BUDDY_SLOTS */
    struct buddy_slot slots[BUDDY_SLOTS];
    int mmu_progress; /* progress code, 255: empty */
    char mmu_command; /* 0: none */
    float heatbreak_c, psu_c, ambient_c;
    enum buddy_sensor extruder_sensor, remote_sensor;

    struct {
        bool present, enabled, printing_filtration, post_print;
        int post_print_s;
        int temp_c, fan_rpm;
        uint32_t filter_used_s;
    } enclosure;

    struct {
        float temp_c;
        uint32_t target_c; /* 0: none */
        int fan_1_rpm, fan_2_rpm;
        int fan_percent; /* -1: automatic */
        int led_percent;
    } chamber;

    /* objects of the job that can be left out */
    uint32_t job_objects;
    uint64_t job_objects_cancelled; /* a bit each */
    const char (
        *object_names)[BUDDY_OBJECT_NAME_BYTES]; /* BUDDY_OBJECT_NAMES; NULL without objects */
};

int buddy_slot_count(const struct buddy_state *state);
/* The slot whose material is told, and the one whose head is: indices from 0. */
int buddy_preferred_slot(const struct buddy_state *state);
int buddy_preferred_head(const struct buddy_build *build, const struct buddy_state *state);

/* "31106" of 12106 on a Core One; MMU codes and 0 stay (connect-buddy.md 8.5). */
int buddy_error_code(const struct buddy_build *build, int generic);

uint32_t buddy_transfer_remaining_s(const struct buddy_transfer *transfer);
double buddy_transfer_percent(const struct buddy_transfer *transfer);

#endif
