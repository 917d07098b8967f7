-- Files that are no good print: each START_PRINT is answered, each job ends, and the printer is ready for the next.

local gcodes = "/PrusaLink gcodes"

local files = {
  { "empty", "" },
  { "blank lines", ("\n"):rep(1000) },
  { "comments alone", ("; nothing to do\n"):rep(1000) },
  { "binary", ("\0\1\2\254\255G1 X\0"):rep(1000) },
  { "cut in a command", "G28\nG1 X10 F3000\nG1 X2" },
  { "one endless line", "G1 X" .. ("1"):rep(500000) },
  { "CRLF and CR", "G28\r\nG1 X10 F3000\rG1 X20\r\n" },
  { "absurd places", "G1 X1e308 Y-1e308 Z99999999999 F3000\nG1 X0 Y0 Z0\n" },
  { "absurd speeds", "G1 X10 F1e308\nG1 X20 F0\nG1 X30 F-5\nG1 X40 Fnan\n" },
  { "absurd temperatures", "M104 S1e308\nM140 S-300\nM104 Snan\nM104 S0\nM140 S0\n" },
  { "absurd progress", "M73 P1000 R-5\nM73 P-1 R99999999999999\nM73 Pnan\nG1 X10 F3000\n" },
  { "absurd figures of the slicer", "; estimated printing time (normal mode) = 99999999d 99h 99m 99s\n"
    .. "; filament used [mm] = -1e308\nG1 X1 F600\n" },
  { "absurd layers", (";LAYER_CHANGE\n;Z:-1e308\n;Z:nan\n"):rep(500) .. "G1 X1 F600\n" },
  { "wrong checksums", "N1 G28*99\nN1 G28*18\nN5 G1 X10*1\n" },
  { "unknown commands", "G999\nM9999\nQ1\n@pause\n$$\n" },
}

for _, case in ipairs(files) do
  local name, content = case[1], case[2]
  scenario("a print is " .. name) {
    "the job is refused or comes to its end, the telemetry stays sane, and the printer takes the next job",
    timeout = "20h",
    run = function(t)
      local bad, good = gcodes .. "/bad.gcode", gcodes .. "/good.gcode"
      local printer = t:printer("mk3s", { files = { [bad] = content, [good] = "G1 X10 F3000\n" } })
      t:expect(printer):state "IDLE":within "20s"
      local command = t.connect:command(printer, "START_PRINT", { path = bad })
      t:expect(command):ended():within "1m"
      t:wait "10m"
      local readings = printer:readings()
      for _, key in ipairs { "nozzle", "bed", "x", "y", "z" } do
        t:expect(readings[key], key):satisfies(between(-1000, 1000))
      end
      printer:stop()
      t:wait "10m"
      printer:confirm()
      t:expect(t.connect:command(printer, "START_PRINT", { path = good })):finished():within "1m"
      t:expect(printer):state "FINISHED":within "10m"
    end,
  }
end
