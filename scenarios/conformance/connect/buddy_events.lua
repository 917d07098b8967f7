-- connect-buddy.md 12.6: events.

local buddy = include "buddy_common.lua"

check "BUD-EVT-01" {
  "event is the last key, state is there, source and timestamp are not",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    for _, name in ipairs { "SEND_INFO", "SEND_STATE_INFO", "PAUSE_PRINT", "CANCEL_PRINTER_READY" } do
      t:expect(t.connect:command(printer, name)):ended():within "15s"
    end
    for _, request in ipairs(t.connect:requests(printer, { path = "/p/events" })) do
      t:expect(request.body, "event"):matches '"event":"[A-Z_]+"}$'
      t:expect(request.json, "event"):has "state"
      t:expect(request.json, "event"):lacks "source"
      t:expect(request.json, "event"):lacks "timestamp"
    end
  end,
}

check "BUD-EVT-02" {
  "ACCEPTED and REJECTED have neither job_id nor data; FINISHED in a print has the job_id",
  side = "printer",
  run = function(t)
    local printer = buddy.printing(t)
    local gcode = t.connect:gcode(printer, "M115")
    t:expect(gcode):answered("FINISHED"):within "30s"
    local finished, accepted = gcode:answer "FINISHED", gcode:answer "ACCEPTED"
    t:expect(finished, "FINISHED"):has "job_id"
    local rejected = t:expect(t.connect:command(printer, "RESUME_PRINT")):answered("REJECTED"):within "15s"
    for _, event in ipairs { accepted, rejected } do
      t:expect(event, event.event):lacks "job_id"
      t:expect(event, event.event):lacks "data"
    end
  end,
}

local function info(t, printer)
  return t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within("15s").data
end

-- Those of INFO in the order of 5.2; some only of some models.
local INFO = {
  "firmware", "printer_type", "sn", "appendix", "fingerprint", "nozzle_diameter", "transfer_paused", "api_key", "storages",
  "network_info", "tools", "enclosure", "mmu", "addon_power", "slots",
}
local SOMETIMES = { api_key = true, enclosure = true, mmu = true, addon_power = true }

check "BUD-EVT-03" {
  "INFO has its members in the order of the document's vector, and nozzle diameters with two decimals",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    local command = t.connect:command(printer, "SEND_INFO")
    t:expect(command):answered("INFO"):within "15s"
    local posts = t.connect:requests(printer, { json = { event = "INFO", command_id = command.id } })
    local body = posts[#posts].body
    t:expect(buddy.keys(body), "members of the event"):equals { "data", "state", "command_id", "event" }
    local keys, at = buddy.keys(body:match '^{"data":(%b{})'), 1
    for _, key in ipairs(INFO) do
      if keys[at] == key then
        at = at + 1
      else
        t:expect(SOMETIMES[key], key .. " may be left out"):is_true()
      end
    end
    t:expect(keys[at], "a member out of its place"):is_nil()
    t:expect(body, "INFO"):matches '"nozzle_diameter":%d+%.%d%d,'
    for tool in body:match('"tools":(%b{})'):sub(2):gmatch "%b{}" do
      t:expect(buddy.keys(tool), "members of a tool"):equals { "nozzle_diameter", "high_flow", "hardened", "material" }
      t:expect(tool, "tool"):matches '"nozzle_diameter":%d+%.%d%d,'
    end
  end,
}

check "BUD-EVT-04" {
  "storages is the USB drive alone, empty without it",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    local storages = info(t, printer).storages
    t:expect(#storages, "storages"):equals(1)
    t:expect(storages[1], "storage"):satisfies {
      mountpoint = "/usb", type = "USB", read_only = false, free_space = type_of "integer", is_sfn = true,
    }
    printer:detach "usb"
    t:wait "5s"
    t:expect(#info(t, printer).storages, "storages without the drive"):equals(0)
  end,
}

check "BUD-EVT-05" {
  "the fingerprint in INFO is 50 characters of 0-9 and A-V",
  side = "printer",
  run = function(t)
    local told = info(t, buddy.printer(t)).fingerprint
    t:expect(told, "fingerprint"):matches "^[0-9A-V]+$"
    t:expect(#told, "its length"):equals(50)
  end,
}

check "BUD-EVT-06" {
  "printer_type is that of the model",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    local types = { "1.3.5", "1.3.6", "1.3.9", "1.3.10", "1.4.0", "1.4.1", "2.1.0", "3.1.0", "4.1.0", "5.1.0", "7.1.0" }
    t:expect(info(t, printer).printer_type, "printer_type"):one_of(printer.type and { printer.type } or types)
  end,
}

check "BUD-EVT-07" {
  "network_info has MACs in capitals, and hostname last",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    local network = info(t, printer).network_info
    for _, key in ipairs { "lan_mac", "wifi_mac" } do
      if network[key] then
        t:expect(network[key], key):matches "^%x%x:%x%x:%x%x:%x%x:%x%x:%x%x$"
        t:expect(network[key], key):equals(network[key]:upper())
      end
    end
    for _, request in ipairs(t.connect:requests(printer, { json = { event = "INFO" } })) do
      t:expect(request.body, "INFO"):matches '"network_info":{[^}]*"hostname":"[^"]*"}'
    end
  end,
}

check "BUD-EVT-08" {
  "slots is the number of tools",
  side = "printer",
  run = function(t)
    local data = info(t, buddy.printer(t))
    local count = 0
    for _ in pairs(data.tools) do
      count = count + 1
    end
    t:expect(data.slots, "slots"):equals(count)
  end,
}

check "BUD-EVT-09" {
  "a job that nobody knows is REJECTED, by another reason while there is one",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    buddy.rejected(t, printer, "No job in progress", "SEND_JOB_INFO", { job_id = 60000 })
    printer:start_print(buddy.file)
    printer:wait_state("PRINTING", "2m")
    buddy.rejected(t, printer, "Job ID doesn't match", "SEND_JOB_INFO", { job_id = 60000 })
  end,
}

check "BUD-EVT-10" {
  "JOB_INFO says PRINTING while it prints and PAUSED when it does not",
  side = "printer",
  run = function(t)
    local printer = buddy.printing(t)
    local job = printer:readings().job_id
    for _, state in ipairs { "PRINTING", "PAUSED" } do
      if state == "PAUSED" then
        t:expect(t.connect:command(printer, "PAUSE_PRINT")):finished():within "15s"
        printer:wait_state("PAUSED", "1m")
      end
      local told = t:expect(t.connect:command(printer, "SEND_JOB_INFO", { job_id = job })):answered("JOB_INFO"):within "15s"
      t:expect(told.data.state, "state of the job"):equals(state)
    end
  end,
}

check "BUD-EVT-18" {
  'TRANSFER_INFO without a transfer has the data {"type":"NO_TRANSFER"} and no transfer_id',
  side = "printer",
  run = function(t)
    local command = t.connect:command(buddy.printer(t), "SEND_TRANSFER_INFO")
    local told = t:expect(command):answered("TRANSFER_INFO"):within "15s"
    t:expect(told.data, "data"):equals { type = "NO_TRANSFER" }
    t:expect(told, "TRANSFER_INFO"):lacks "transfer_id"
  end,
}
