-- Several printers at one server, each with its own serial number, storage and course.

scenario "three printers" {
  "printers at one server don't disturb each other",
  run = function(t)
    local printers = {}
    for i = 1, 3 do
      printers[i] = t:printer(i == 2 and "mk2.5s" or "mk3s", { name = "bed-" .. i })
    end
    t:expect(printers[1].serial):differs(printers[2].serial)
    for _, printer in ipairs(printers) do
      t:expect(printer):state "IDLE":within "20s"
    end
    local ready = t.connect:command(printers[2], "SET_PRINTER_READY")
    t:expect(ready):finished():within "10s"
    t:expect(printers[2]):state "READY":within "5s"
    t:expect(printers[1]):state "IDLE"
    t:expect(printers[3]):state "IDLE"
  end,
}
