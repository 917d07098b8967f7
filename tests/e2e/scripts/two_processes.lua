-- The same text in virtual time, in real time, and against a printer in another process: a short print from its start to
-- its end, known by what the server hears alone.

local path = "/PrusaLink gcodes/strokes.gcode"

-- Two strokes without heat: four seconds.
local strokes = "M73 P0 R0\nG90\nM83\nG1 X100 F1500\nG1 X0 F1500\nM73 P100 R0\n"

scenario "a short print" {
  "a print that Connect starts comes to its end, and so does the job",
  run = function(t)
    local printer = t:printer("mk3s", { files = { [path] = strokes } })
    t:expect(printer):state "IDLE":within "20s"
    local start = t.connect:command(printer, "START_PRINT", { path = path })
    t:expect(start):finished():within "20s"
    local job = t:expect(start):answered("STATE_CHANGED", { state = "PRINTING" }).job_id
    t:expect(job, "job_id"):is_a "integer"
    t:expect(printer):state("FINISHED"):within "1m"
    local done = t.connect:events(printer, { event = "STATE_CHANGED", state = "FINISHED" })
    t:expect(done[1].job_id, "job_id at the end"):equals(job)
    for _, id in ipairs { "CON-CMD-16", "CON-TEL-01", "CON-EVT-01", "CON-TRP-01", "CON-TRP-11" } do
      t:held(id, { exercised = "fail" })
    end
    t:note("finished as job %d", job)
  end,
}
