#ifndef HOTBED_MACHINE_MACHINE_H
#define HOTBED_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/base/world.h"
#include "sim/machine/model.h"
#include "sim/machine/plan.h"
#include "sim/machine/state.h"
#include "sim/machine/storage.h"
#include "sim/machine/transfer.h"

/* The printer itself: heaters, fans, axes, job, storages, state. It knows no protocol; faces ask it
 * for readings, give it orders and are told what happens. Everything between two events advances in
 * closed form, so asking after one second or six hours costs the same. */

struct machine;

/* A change of the reported state. `source` and `reason` are what the printer itself would say; a
 * face that caused the change with a command of its own says so instead. */
struct state_change {
    enum printer_state from, to;
    enum state_source source;
    const char *reason; /* NULL: none; valid during the call */
    uint32_t job_id;    /* that belongs to this change (connect-sdk.md 7.5); 0: none */
};

enum machine_info_part {
    MACHINE_INFO_IDENTITY, /* type, firmware, nozzle, serial, network complete or changed */
    MACHINE_INFO_SHEETS,
    MACHINE_INFO_ACTIVE_SHEET,
    MACHINE_INFO_MMU,
};

/* Told to every listener, in the order of their adding, synchronously in world time. Any member may
 * be NULL. */
struct machine_events {
    void (*state_changed)(void *face, const struct state_change *change);
    void (*medium_changed)(void *face, const struct storage *storage, bool attached);
    /* `path` is the full virtual path, "/SD Card/x.gcode". The node is still in the tree for
     * created and modified. */
    void (*file_changed)(void *face, const struct storage *storage, enum storage_change_kind kind,
                         const char *path);
    void (*info_changed)(void *face, enum machine_info_part part);
    void (*job_known_better)(
        void *face); /* path, size or reporting mode of the running job (connect-sdk.md 6.6) */
    void (*mesh_measured)(void *face);
    void (*slot_error)(void *face, const char *code); /* "04101" */
    void (*layer_changed)(void *face, uint32_t layer);
    void (*transfer_changed)(void *face, const struct transfer *transfer,
                             enum transfer_change change); /* over: no longer machine_transfer() */
    void (*resetting)(void *face); /* what runs on the mainboard ends here; `rebooted` follows */
    void (*rebooted)(void *face);
    void (*powered)(void *face, bool on); /* the mains went, or came back and it boots */
};

struct machine_listener {
    const struct machine_events *events;
    void *face;
    struct machine_listener *next; /* list is the machine's */
};

enum { MACHINE_TOOLS_MAX = 5 };

struct machine_tool_readings {
    double nozzle_c, nozzle_target_c;
    int hotend_fan_rpm, print_fan_rpm;
};

/* Everything that a telemetry of any protocol is made of, at one instant. NAN: not known. */
struct machine_readings {
    double nozzle_c, nozzle_target_c, bed_c, bed_target_c;
    double board_c; /* "A:" */
    double x_mm, y_mm, z_mm, e_mm;
    int hotend_fan_rpm, print_fan_rpm;
    int hotend_fan_power, print_fan_power; /* as the firmware prints it: 0..255 */
    int speed_percent, flow_percent;
    bool
        heating; /* the firmware waits for a temperature (M109, M190) and prints them each second */
    uint64_t total_filament_mm; /* over the printer's life */
    int64_t total_print_time_s;
    /* of the print; meaningful while `job`: from its start until FINISHED or STOPPED is over.
     * job_id is 0 as soon as the print has ended (connect-sdk.md 7.5), the other figures stay what
     * they were then. */
    bool job;
    uint32_t job_id;
    int progress_percent;         /* -1: unknown */
    int64_t time_remaining_s;     /* -1 */
    int64_t time_printing_s;      /* -1; as the host knows it, see connect-sdk.md 4.3 */
    int64_t printing_us;          /* the exact one */
    int64_t filament_change_in_s; /* to the next pause or colour change; -1 unknown */
    bool estimates_inaccurate;
    bool estimates_of_file; /* by its M73; else they are a guess of the host from bytes and time */
    uint32_t layer, layer_count;
    double filament_used_mm; /* by this job so far */
    /* MMU; meaningful while `mmu` */
    bool mmu;
    int slot_active; /* 0 none, 1..5; of a tool changer: the head in use */
    int slot_state;  /* progress code of connect-sdk.md 4.7 */
    char slot_command[8];
    /* Heads of a tool changer; 0: not one. nozzle_c and its like are those of the one in use, or of
     * the last one that was. */
    int tool_count;
    struct machine_tool_readings tool[MACHINE_TOOLS_MAX];
    /* Of a chamber or an enclosure; chamber_c is NAN without one. */
    double chamber_c, chamber_target_c; /* 0: none */
    int chamber_fan_rpm;
    int chamber_fan_percent; /* as it is told; -1: automatic */
};

struct machine_job {
    uint32_t id;
    char *path; /* "/PrusaLink gcodes/x.gcode" */
    uint64_t size_bytes;
    int64_t modified_s;
    bool from_sd;
    int64_t start_us; /* world time */
};

struct machine_settings {
    const struct model *model; /* shared, outlives the machine */
    uint64_t
        index; /* number of the printer: with the world's seed it decides serial, noise, counters */
    const char *serial;   /* NULL: made from index */
    const char *firmware; /* NULL: the model's */
    double room_c;        /* NAN: 25 */
    uint32_t job_counter; /* last job id in the EEPROM */
    struct plan_cache
        *plans; /* shared, outlives the machine; NULL: a file is read for each print of it */
};

struct machine *machine_new(struct world *world, const struct machine_settings *settings);
void machine_destroy(struct machine *machine);

void machine_listen(struct machine *machine, struct machine_listener *listener);
void machine_unlisten(struct machine *machine, struct machine_listener *listener);

const struct model *machine_model(const struct machine *machine);
const char *machine_serial(const struct machine *machine);
const char *machine_firmware(const struct machine *machine);
enum printer_state machine_state(const struct machine *machine);
const struct printer_layers *machine_layers(const struct machine *machine);
const struct machine_job *machine_job(const struct machine *machine);          /* NULL: none */
void machine_read(struct machine *machine, struct machine_readings *readings); /* now */
const double *machine_mesh(const struct machine *machine,
                           size_t *count); /* bed levelling, mm; NULL: none measured */

/* Power on and boot: base BUSY, then IDLE when the host has talked to it. Until then a machine only
 * exists. */
void machine_power_on(struct machine *machine);
bool machine_is_up(
    const struct machine *machine); /* it has booted; true of a halted firmware, too */
void machine_reset(
    struct machine *machine); /* the mainboard reboots: connect-sdk.md 7.4, last row */

/* How far the printer's own clock, by which files are dated, is ahead of the world's (or, below
 * zero, behind): wrongly set, or of a zone that FAT doesn't tell (prusalink.md 6.2). */
void machine_set_clock(struct machine *machine, int64_t ahead_s);

/* Storages. The machine takes over what `storage` holds; order of attaching is the order of
 * listings. */
struct storage *machine_attach(struct machine *machine, const struct storage *storage);
bool machine_detach(struct machine *machine, const char *name,
                    struct storage *out); /* out NULL: freed */
size_t machine_storage_count(const struct machine *machine);
struct storage *machine_storage(struct machine *machine, size_t index);
/* "/SD Card/sub/x.gcode" -> storage and "sub/x.gcode"; NULL: no such storage. */
struct storage *machine_storage_of(struct machine *machine, const char *path, const char **below);
/* storage_* on a full path, and the events for it. A bad path or an unknown storage is
 * STORAGE_BAD_PATH and STORAGE_NOT_FOUND. */
enum storage_result machine_make_folder(struct machine *machine, const char *path);
enum storage_result machine_put_file(struct machine *machine, const char *path,
                                     struct file_content *content);
/* storage_append() and storage_rename(); both paths lie in one storage. A renamed file is told as
 * one that goes and one that comes, whatever it replaces, as inotify does (connect-sdk.md 8.5). */
enum storage_result machine_append_file(struct machine *machine, const char *path,
                                        const void *bytes, size_t size);
/* storage_reserve() and storage_write(); what is written is not told: it is no news before it is
 * all there. */
enum storage_result machine_reserve_file(struct machine *machine, const char *path, uint64_t size);
enum storage_result machine_write_file(struct machine *machine, const char *path, uint64_t offset,
                                       const void *bytes, size_t size);
enum storage_result machine_rename_file(struct machine *machine, const char *from, const char *to);
enum storage_result machine_remove(struct machine *machine, const char *path, bool whole_tree);
void machine_rescan(struct machine *machine); /* storages on real directories: tell what changed
                                                 there from outside */

/* Orders, whoever gives them: the host for a server, or a person at the knob. Their effect may come
 * later (a pause waits for queued moves): what happens is told by state_changed, synchronously when
 * it happens at once. */
enum machine_refusal {
    MACHINE_ACCEPTED,
    MACHINE_ALREADY_PRINTING,
    MACHINE_WRONG_STATE,
    MACHINE_NO_FILE,
    MACHINE_BAD_FILE,
};
enum machine_refusal machine_start_print(struct machine *machine, const char *path,
                                         struct error *error);
/* Print a file while it comes in: it will be at `path`, its bytes lie at `inner` meanwhile, and the
 * first `there_bytes` of them are there. A print that reaches the end of what has come pauses and
 * says so (PROMPT_NOT_DOWNLOADED). */
enum machine_refusal machine_start_partial(struct machine *machine, const char *path,
                                           const char *inner, uint64_t there_bytes,
                                           struct error *error);
/* More of that file has come; nothing if it is not being printed. */
void machine_print_grown(struct machine *machine, const char *path, uint64_t there_bytes);
enum machine_refusal machine_pause(struct machine *machine);
enum machine_refusal machine_resume(struct machine *machine);
enum machine_refusal machine_stop(struct machine *machine);
/* FINISHED or STOPPED is over now: printers with a screen of their own wait for that. False: there
 * is no end of a print to dismiss. */
bool machine_dismiss_end(struct machine *machine);
/* Where a print is within its reported state. Only printers with a screen of their own pause,
 * finish and abort visibly (prusalink.md 5.2, flavour B). */
enum machine_print_stage {
    MACHINE_STAGE_NONE,
    MACHINE_STAGE_RUNNING,
    MACHINE_STAGE_PAUSING, /* told to, the head is not yet parked */
    MACHINE_STAGE_PAUSED,
    MACHINE_STAGE_RESUMING, /* heats up and goes back */
    MACHINE_STAGE_WAITING,  /* for somebody, in the middle of a print */
    MACHINE_STAGE_FINISHING,
    MACHINE_STAGE_ABORTING,
    MACHINE_STAGE_ENDED, /* FINISHED or STOPPED is shown */
};
enum machine_print_stage machine_print_stage(const struct machine *machine);
/* The number of the running job or, when there is none, of the one before. */
uint32_t machine_last_job(const struct machine *machine);
/* The path of the print whose end is shown; NULL: none. */
const char *machine_ended_print(const struct machine *machine);
enum machine_refusal machine_set_ready(struct machine *machine, bool ready);
const char *machine_refusal_name(enum machine_refusal refusal); /* "wrong-state" */
void machine_set_speed(struct machine *machine, int percent);   /* 0..999 */
void machine_set_flow(struct machine *machine, int percent);

/* What printers with a chamber can be told; others do nothing. A target of 0 is none, one above the
 * model's is clipped; -1 percent is automatic. An enclosure is an option of the XL. */
void machine_set_chamber(struct machine *machine, double target_c);
void machine_set_chamber_fan(struct machine *machine, int percent);
void machine_set_enclosure(struct machine *machine, bool fitted);

/* Send lines of g-code as a host does, one after the other. `done` is called once, when the last is
 * confirmed or one fails; `why` is NULL on success, else the reason ("Unknown command", "Cold
 * extrusion prevented", "interrupted"). */
typedef void machine_gcode_done(void *owner, const char *line, const char *why);
void machine_gcode(struct machine *machine, const char *lines, machine_gcode_done *done,
                   void *owner);
void machine_gcode_interrupt(struct machine *machine);

/* Faults of the machine, for scenarios and soak (DESIGN "fault"). */
enum machine_fault {
    FAULT_NOZZLE_HEATER_DEAD,
    FAULT_BED_HEATER_DEAD,
    FAULT_NOZZLE_THERMISTOR_OPEN,
    FAULT_NOZZLE_THERMISTOR_SHORT,
    FAULT_BED_THERMISTOR_OPEN,
    FAULT_BED_THERMISTOR_SHORT,
    FAULT_HOTEND_FAN_STALLED,
    FAULT_PRINT_FAN_STALLED,
    FAULT_SERIAL_LOST, /* the cable between host and mainboard; of printers that have one */
    FAULT_FILAMENT_RUNOUT,
    /* Of printers with a screen of their own alone: */
    FAULT_AXIS_BLOCKED, /* something lies in the way */
    FAULT_MAINS_LOST,
    FAULT_UV_LED_FAN_STALLED, /* these of resin printers; what a machine doesn't have can't fail */
    FAULT_BLOWER_FAN_STALLED,
    FAULT_REAR_FAN_STALLED,
    FAULT_TILT_STUCK,
    FAULT_RESIN_SENSOR_DEAD,
    FAULT_COUNT,
};
const char *machine_fault_name(enum machine_fault fault); /* "nozzle-heater-dead" */
void machine_set_fault(struct machine *machine, enum machine_fault fault, bool on);
bool machine_fault(const struct machine *machine, enum machine_fault fault);
bool machine_fault_parse(const char *name, enum machine_fault *fault);
void machine_user_confirms(
    struct machine *machine); /* somebody presses the knob: ends an attention */
void machine_set_room(struct machine *machine, double room_c);

#endif
