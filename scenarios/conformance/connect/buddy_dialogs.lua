-- connect-buddy.md 8, 12.6, 12.7: dialogs, buttons and the error screen.

local buddy = include "buddy_common.lua"

-- A print whose filament has run out: the printer asks for other filament.
local function asking(t)
  local printer = buddy.printing(t)
  printer:fault "filament-runout"
  t:wait_until(function()
    return printer:prompt() == "change-insert"
  end, "1m")
  t:wait "2s"
  return printer
end

local function last_change(t, printer)
  local changes = t.connect:events(printer, { event = "STATE_CHANGED" })
  return changes[#changes]
end

local BUTTONS = {}
for name in ([[
  Abort Abort_invalidate_test Adjust All Back Calibrate Cancel Help Change Continue Cooldown Disable Done Filament
  Filament_removed Finish FS_disable Ignore Left Load MMU_disable Never Next No NotNow Ok Pause Print Purge_more Quit
  Reheat Replace Remove Restart Resume Retry Right Skip Slowly SpoolJoin Stop Unload Yes Heatup Postpone5Days PRINT Tool1
  Tool2 Tool3 Tool4 Tool5]]):gmatch "%S+" do
  BUTTONS[name] = true
end

check "BUD-EVT-20" {
  "STATE_CHANGED has no data without a dialog, else a code of five digits, buttons and the dialog_id of telemetry",
  side = "printer",
  run = function(t)
    local printer = buddy.printing(t)
    local told = t:expect(buddy.ask(t, printer)):answered("STATE_CHANGED"):within "15s"
    t:expect(told.data, "data without a dialog"):equals {}
    t:expect(told, "STATE_CHANGED without a dialog"):lacks "dialog_id"
    printer:fault "filament-runout"
    t:wait_until(function()
      return printer:prompt() == "change-insert"
    end, "1m")
    t:wait "3s"
    told = last_change(t, printer)
    t:expect(told.state, "state"):equals "ATTENTION"
    t:expect(told.data.code, "code"):equals(buddy.code(printer, "829"))
    t:expect(told.data.buttons, "buttons"):equals { "Continue", "Stop" }
    t:expect(told.data, "data"):lacks "title"
    t:expect(printer:telemetry().dialog_id, "dialog_id of telemetry"):equals(told.dialog_id)
    for _, change in ipairs(t.connect:events(printer, { event = "STATE_CHANGED" })) do
      for _, button in ipairs(change.data.buttons or {}) do
        t:expect(BUTTONS[button], "button " .. button .. " is known"):is_true()
      end
    end
  end,
}

check "BUD-CMD-17" {
  "DIALOG_ACTION wants the id that is shown and a button that is offered; what it answers leads on",
  side = "printer",
  run = function(t)
    local printer = asking(t)
    local id = last_change(t, printer).dialog_id
    buddy.rejected(t, printer, "Invalid dialog id", "DIALOG_ACTION", { dialog_id = id - 1, button = "Continue" })
    local body = ('{"command":"DIALOG_ACTION","kwargs":{"dialog_id":%d,"button":"%s"}}')
    for button, reason in pairs { yes = "Invalid button", Yes = "Invalid button for dialog" } do
      local command = t.connect:raw(printer, { name = "DIALOG_ACTION", body = body:format(id, button) })
      t:expect(command):rejected(reason):within "15s"
    end
    t:expect(t.connect:command(printer, "DIALOG_ACTION", { dialog_id = id, button = "Continue" })):finished():within "15s"
    t:wait_until(function()
      return printer:prompt() == "change-color"
    end, "1m")
    t:wait "2s"
    local told = last_change(t, printer)
    t:expect(told.data.buttons, "buttons of the question for the colour"):equals { "Yes", "Purge_more", "Retry" }
    t:expect(told.dialog_id, "dialog_id"):differs(id)
    local yes = t.connect:command(printer, "DIALOG_ACTION", { dialog_id = told.dialog_id, button = "Yes" })
    t:expect(yes):finished():within "15s"
    printer:wait_state("PRINTING", "1m")
    t:wait "3s"
    t:expect(last_change(t, printer).data, "data of STATE_CHANGED when it is over"):equals {}
  end,
}

-- It halts, and shows why after a start of its own.
local function halted(t, fault)
  local printer = buddy.printer(t)
  t:wait "5s"
  local since = t:now()
  printer:fault(fault or "nozzle-thermistor-open")
  t:expect_event(printer, { event = "STATE_CHANGED", state = "ERROR" }):within "1m"
  t:wait "3s"
  return printer, since
end

check "BUD-EVT-22" {
  "on the error screen the state is ERROR, with dialog_id, title and text but no buttons, and INFO has no slots",
  side = "printer",
  run = function(t)
    local printer, since = halted(t)
    local told = last_change(t, printer)
    t:expect(told, "STATE_CHANGED"):has "dialog_id"
    t:expect(told.data.code, "code"):equals(buddy.code(printer, "208"))
    local xl = printer.model == "xl" -- whose heads are several, and whose texts are its own
    t:expect(told.data.title, "title"):equals(xl and "EXTRUDER MINTEMP ERROR" or "MINTEMP ERROR")
    t:expect(told.data.text, "text"):contains(xl and "thermistor wiring" or "print head thermistor")
    t:expect(told.data, "data"):lacks "buttons"
    local posts = {}
    for _, post in ipairs(buddy.posts(t, printer, since)) do
      posts[#posts + 1] = post.json.state == "ERROR" and post or nil
    end
    t:expect(posts[1].json.event, "first message"):equals "INFO"
    t:expect(posts[2].json.event, "second message"):equals "STATE_CHANGED"
    t:expect(buddy.is_full(posts[3]), "the third is a full telemetry"):is_true()
    t:expect(posts[3].json, "telemetry"):lacks "material"
    t:expect(posts[3].json.temp_nozzle, "temp_nozzle"):equals(0)
    t:expect(posts[1].json.data, "INFO"):satisfies {
      slots = 0, storages = {}, tools = {}, nozzle_diameter = 0, transfer_paused = true, network_info = { hostname = "" },
    }
    t:expect(posts[1].body, "INFO"):contains '"nozzle_diameter":0.00'
  end,
}

check "BUD-CMD-24" {
  "on the error screen commands are REJECTED, but SEND_INFO and SEND_STATE_INFO are not",
  side = "printer",
  run = function(t)
    local printer = halted(t)
    local why = "Won't accept commands in error state"
    buddy.rejected(t, printer, why, "PAUSE_PRINT")
    buddy.rejected(t, printer, why, "SEND_JOB_INFO", { job_id = 1 })
    t:expect(t.connect:raw(printer, { body = "{" })):rejected(why):within "15s"
    t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "15s"
    t:expect(t.connect:command(printer, "SEND_STATE_INFO")):answered("STATE_CHANGED"):within "15s"
    printer:fault("nozzle-thermistor-open", false)
    t.connect:command(printer, "RESET_PRINTER")
    t:expect_event(printer, { event = "INFO", state = "IDLE" }):within "30s"
  end,
}
