-- Printers that the server does not know as they are.
local folder = "/PrusaLink gcodes/"

scenario "a file that was not told of" {
  "what is lost is missing in the server's view",
  run = function(t)
    local printer = t:printer("mk3s", { spoil = { "drop=event/FILE_CHANGED" } })
    t:expect_view(printer):within "1m" -- holds: nothing has changed yet
    printer:put_file(folder .. "b.gcode", "M105\n")
    t:expect_view(printer):within "7m"
  end,
}

scenario "a job that was not told of" {
  "a job without its number in telemetry and events",
  run = function(t)
    local path = folder .. "long.gcode"
    local printer = t:printer("mk3s", {
      files = { [path] = "G4 S3000\n" }, spoil = { "drop-json=telemetry:job_id", "drop-json=event/STATE_CHANGED:job_id", "drop=event/JOB_INFO" },
    })
    t:expect_view(printer):within "1m"
    printer:start_print(path)
    t:expect(printer):state "PRINTING":within "30s"
    t:wait "10s"
    t:expect_view(printer):within "20s"
  end,
}

scenario "a state that was not told of" {
  "a printer that says that it is idle, and prints",
  run = function(t)
    local spoil = { 'set-json=telemetry:state="IDLE"', 'set-json=event/STATE_CHANGED:state="IDLE"' }
    local printer = t:printer("mk4", { files = { ["/usb/long.gcode"] = "G4 S3000\n" }, spoil = spoil })
    t:expect_view(printer):within "1m"
    printer:start_print "/usb/long.gcode"
    t:wait "5s"
    t:expect_view(printer):within "1m"
  end,
}

scenario "asked at the end" {
  "a hook that lost an event is over, and what it lost is lost",
  run = function(t)
    local printer = t:printer "mk3s"
    t:expect_view(printer):within "1m"
    t.connect:on("event", { printer = printer, event = "FILE_CHANGED" }, function()
      return { ignore = true, status = 204 }
    end)
    printer:put_file(folder .. "b.gcode", "M105\n")
    t:wait "10s"
  end,
}

scenario "with a reason" {
  "nobody is asked where there is a reason",
  view_differs = "an event was lost on purpose",
  run = function(t)
    local printer = t:printer "mk3s"
    t:expect_view(printer):within "1m"
    t.connect:on("event", { printer = printer, event = "FILE_CHANGED" }, function()
      return { ignore = true, status = 204 }
    end)
    printer:put_file(folder .. "b.gcode", "M105\n")
    t:wait "10s"
  end,
}

scenario "a drive that was not told of" {
  "a Buddy printer whose INFO shows no drive",
  run = function(t)
    local printer = t:printer("mini", { spoil = { "set-json=event/INFO:data.storages=[]" } })
    t:expect_view(printer):within "7m"
  end,
}
