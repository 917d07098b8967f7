-- A print file of yours on a virtual MK3S, from Connect: hotbed run scenarios/examples/print-a-file.lua --give gcode=FILE
-- What the slicer promised stands beside what the printer did.

local path = "/PrusaLink gcodes/file.gcode"

-- "1d 2h 3m 4s" in seconds.
local function seconds(text)
  local sum = 0
  for number, unit in text:gmatch "(%d+)([dhms])" do
    sum = sum + math.tointeger(number) * ({ d = 86400, h = 3600, m = 60, s = 1 })[unit]
  end
  return sum
end

scenario "print a file" {
  "a file prints as its slicer promised, with a pause half way, and telemetry each second",
  run = function(t)
    local given = t:given "gcode"
    local printer = t:printer("mk3s", { registered = false, quirks = false }) -- Q-18: it would sleep in a long print
    printer:register()
    t:expect(printer):state("IDLE"):within "60s"

    printer:put_file(path, given or t:file "files/cube.gcode")
    t:expect_event(printer, { event = "FILE_CHANGED", data = { new_path = path } }):within "10s"
    local info = t:expect(t.connect:command(printer, "SEND_FILE_INFO", { path = path })):answered("FILE_INFO"):within "10s"

    local start = t.connect:command(printer, "START_PRINT", { path = path })
    t:expect(start):finished():within "20s"
    local begun = t:now()
    local promised = seconds(info.data["estimated printing time (normal mode)"] or "")
    local function printed()
      return printer:readings().time_printing or 0
    end

    -- Heating, homing and levelling are not in what a slicer promises.
    t:wait_until(function() return printer:readings().layer > 0 end, "1h")
    local starting = t:now() - begun
    t:wait_until(function() return printed() > starting + promised / 2 end, "48h")
    t:expect(t.connect:command(printer, "PAUSE_PRINT")):finished():within "30s"
    local half = printer:readings()
    t:wait "5m"
    t:expect(printer:readings().filament_mm, "filament of a paused print"):equals(half.filament_mm)
    t:expect(t.connect:command(printer, "RESUME_PRINT")):ended():within "30s"
    t:expect(printer):state("PRINTING"):within "5m"

    local last
    t:wait_until(function()
      if printer:state() ~= "PRINTING" then return true end
      last = printer:readings()
    end, "48h")
    t:expect(printer):state("FINISHED"):within "5s"
    local posts = t.connect:requests(printer, { path = "/p/telemetry", json = { job_id = any } })
    local gap = (posts[#posts].at - posts[1].at) / (#posts - 1)
    t:note("printing time  %.0f s, and %.0f s before the first layer; the slicer promised %d s", last.time_printing - starting,
      starting, promised)
    t:note("filament       %.0f mm, the slicer promised %s mm", last.filament_mm, info.data["filament used [mm]"] or "?")
    t:note("layers         %d of %d", last.layer, last.layers)
    t:note("telemetry      %d messages, one each %.2f s", #posts, gap)
    t:expect(gap, "seconds between two telemetries"):near(1, 0.05)
    t:expect(last.layer, "layers"):equals(last.layers)
    if promised > 0 then
      t:expect(last.time_printing - starting, "printing time"):near(promised, math.max(0.15 * promised, 15))
    end
    if info.data["filament used [mm]"] then
      t:expect(last.filament_mm, "filament"):near(info.data["filament used [mm]"], 0.05 * info.data["filament used [mm]"])
    end
    t:expect(printer):state("IDLE"):within "1m"
  end,
}
