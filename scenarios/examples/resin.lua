-- An SL1 prints a project from Connect. Its client's source is closed: what it does beyond the SDK is hotbed's plainest
-- reading of what is public (sim/protocol/connect/sl1_host.c). The project is made by tests/machine/make_sl1.py.

local path = "/local/resin.sl1"

local function phase(printer)
  return printer:readings().resin.phase
end

local function wait_phase(t, printer, wanted, duration)
  t:wait_until(function() return phase(printer) == wanted end, duration)
  t:expect(phase(printer), "phase"):equals(wanted)
end

local function states(t, printer, from)
  local seen = {}
  for _, event in ipairs(t.connect:events(printer, { event = "STATE_CHANGED" })) do
    if event.at >= from then
      seen[#seen + 1] = event.state
    end
  end
  return table.concat(seen, " ")
end

local function begin(t, printer)
  local start = t.connect:command(printer, "START_PRINT", { path = path })
  t:expect(start):finished():within "10s"
  t:expect(printer):state("ATTENTION"):within "2m"
  wait_phase(t, printer, "pour-in-resin", "1s")
  return start
end

scenario "resin: a print from Connect" {
  "an SL1 asks for resin, checks, prints all layers, is paused and goes on, and waits to be emptied",
  run = function(t)
    local printer = t:printer("sl1", { files = { [path] = t:file "files/resin.sl1" } })
    local info = t:expect(t.connect:command(printer, "SEND_FILE_INFO", { path = path })):answered("FILE_INFO"):within "10s"
    t:expect(info.data.total_layers, "layers"):equals(40)
    t:expect(info.data.resin_used_ml, "resin, ml"):equals(3.21)
    t:expect(info.data.preview, "preview"):is_a "string"

    local from = t:now()
    local start = begin(t, printer)
    printer:confirm() -- somebody has poured it in
    t:expect(printer):state("PRINTING"):within "2m"
    local telemetry = t:expect(printer):telemetry({ progress = 0 }):within "5s"
    t:expect(telemetry.fan_blower, "blower, rpm"):equals(3300)
    t:expect(telemetry.cover_closed, "cover"):equals(true)
    local job = t:expect(t.connect:command(printer, "SEND_JOB_INFO")):answered("JOB_INFO"):within "10s"
    t:expect(job.data.path, "path"):equals(path)
    t:expect(job.data.start_cmd_id, "start_cmd_id"):equals(start.id)

    t:wait "2m"
    t:expect(t.connect:command(printer, "PAUSE_PRINT")):finished():within "5s"
    t:expect(printer):state("PAUSED"):within "2m"
    t:wait "10m"
    t:expect(t.connect:command(printer, "RESUME_PRINT")):finished():within "5s"
    t:expect(printer):state("PRINTING"):within "2m"
    t:expect(printer):state("FINISHED"):within "1h"
    local resin = printer:readings().resin
    t:expect(resin.layers, "layers"):equals(40)
    t:expect(resin.consumed_ml, "resin, ml"):near(3.2114, 0.001)
    t:expect(states(t, printer, from), "states"):equals(
      "BUSY ATTENTION BUSY PRINTING BUSY PAUSED BUSY PRINTING BUSY FINISHED")
    t:expect(t.connect:command(printer, "SET_PRINTER_READY")):finished():within "5s"
    t:expect(printer):state("READY"):within "2s"
  end,
}

scenario "resin: the cover is opened" {
  "an open cover stops light and motion; what is asked of a printer that waits for it is refused",
  run = function(t)
    local printer = t:printer("sl1", { files = { [path] = t:file "files/resin.sl1" } })
    begin(t, printer)
    t:expect(t.connect:command(printer, "RESUME_PRINT")):finished():within "5s"
    t:expect(printer):state("PRINTING"):within "2m"
    printer:set_cover(false)
    t:expect(printer):state("BUSY"):within "2s"
    t:expect(printer):telemetry({ cover_closed = false }):within "2s"
    t:expect(t.connect:command(printer, "PAUSE_PRINT")):failed("#10506"):within "5s"
    local layer = printer:readings().layer
    t:wait "1h"
    t:expect(printer:readings().layer, "layer"):equals(layer)
    printer:set_cover(true)
    t:expect(printer):state("PRINTING"):within "2s"
    t:expect(t.connect:command(printer, "STOP_PRINT")):finished():within "5s"
    t:expect(printer):state("STOPPED"):within "3m"
  end,
}

scenario "resin: what it measures" {
  "with less than the project may need it asks first, with too little for any it fails after three measurements",
  run = function(t)
    local printer = t:printer("sl1", { files = { [path] = t:file "files/resin.sl1" } })
    begin(t, printer)
    printer:set_resin(70)
    t:expect(t.connect:command(printer, "RESUME_PRINT")):finished():within "5s"
    wait_phase(t, printer, "check-warning", "2m")
    t:expect(printer:readings().resin.code, "code"):equals(10706)
    printer:proceed()
    t:expect(printer):state("PRINTING"):within "2m"
    printer:set_resin(45) -- it leaks, which nobody sees before the end
    t:expect(printer):state("FINISHED"):within "1h"
    printer:confirm()
    t:expect(printer):state("IDLE"):within "2s"

    begin(t, printer)
    t:expect(t.connect:command(printer, "RESUME_PRINT")):finished():within "5s"
    t:expect(printer):state("ERROR"):within "5m" -- three measurements find too little
    t:expect(printer:readings().resin.code, "code"):equals(10108)
    t:expect(t.connect:command(printer, "START_PRINT", { path = path })):failed("#10506"):within "5s"
    printer:confirm()
    t:expect(printer):state("IDLE"):within "2s"
  end,
}

scenario "resin: what it refuses" {
  "a broken project, one for another model, and a printer that was never calibrated",
  run = function(t)
    local printer = t:printer("sl1s", {
      files = { ["/local/other.sl1"] = t:file "files/resin.sl1", ["/local/rubbish.sl1"] = "PK no archive" },
    })
    local function refused(file, number)
      t:expect(t.connect:command(printer, "START_PRINT", { path = "/local/" .. file })):failed(number):within "5s"
      t:expect(printer:state(), "state"):equals "IDLE"
    end
    t:expect(printer):state("IDLE"):within "1m"
    refused("other.sl1", "#10544")
    refused("rubbish.sl1", "#10539")
    printer:set_calibrated(false)
    refused("other.sl1", "#10113")
  end,
}
