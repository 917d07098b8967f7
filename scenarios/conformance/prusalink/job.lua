-- prusalink.md 10, Job.

local link = include "common.lua"

local NEEDS = { write = true, print = true }

local function job_of(server)
  return server:get("/api/v1/job").json
end

local function command(server, id, verb, status)
  if verb == "stop" then
    return server:must("DELETE", "/api/v1/job/" .. id, status)
  end
  return server:must("PUT", ("/api/v1/job/%s/%s"):format(id, verb), status, { body = "" })
end

check "PL-JOB-01" {
  "GET /api/v1/job without a job: 204, empty",
  run = link.on("PB", function(t, server)
    if server:get("/api/v1/status").json.job then
      t:skip "the printer has a job"
    end
    local reply = server:must("GET", "/api/v1/job", 204, { until_end = true })
    t:expect(reply.rest, server:say "what follows the head"):equals ""
  end),
}

check "PL-JOB-02" {
  "with a job: id, state, progress, time_printing, file.name and file.path",
  run = link.on("PB", NEEDS, function(t, server)
    local id = server:print()
    t:expect(job_of(server), server:say "job"):satisfies {
      id = id, state = type_of "string", progress = type_of "number", time_printing = type_of "integer",
      file = { name = type_of "string", path = type_of "string" },
    }
    server:stop(id)
  end),
}

check "PL-JOB-03" {
  "id equals status.job.id and stays through pause and resume; the next job's is greater",
  run = link.on("PB", NEEDS, function(t, server)
    local id = server:print()
    t:expect(server:get("/api/v1/status").json.job.id, server:say "status.job.id"):equals(id)
    command(server, id, "pause", 204)
    server:wait_state({ "PAUSED" }, "60s", "state after pause")
    t:expect(job_of(server).id, server:say "id in PAUSED"):equals(id)
    command(server, id, "resume", 204)
    server:wait_state({ "PRINTING" }, "60s", "state after resume")
    t:expect(job_of(server).id, server:say "id after resume"):equals(id)
    server:stop(id)
    local next_id = server:print()
    t:expect(next_id, server:say "id of the next job"):above(id)
    server:stop(next_id)
  end),
}

check "PL-JOB-04" {
  "the id goes on counting after a restart of the server on the Pi, of the printer on Buddy",
  kind = "fidelity",
  run = link.on("PB", { hands = "a restart", printer = { job_counter = 41 } }, function(t, server)
    local id = server:print()
    server:stop(id)
    if server.dialect == "P" then
      server.printer:stop_link()
    else
      server.printer:reset()
    end
    server.printer:serve_link(server.serve)
    server.challenge = nil
    server:wait_state({ "IDLE" }, "60s", "state after the restart")
    local next_id = server:print()
    t:expect(id, server:say "id of the first job"):equals(42)
    t:expect(next_id, server:say "id after the restart"):above(id)
  end),
}

check "PL-JOB-05" {
  "pause in PRINTING: 204, then PAUSED within 15 s",
  run = link.on("PB", NEEDS, function(t, server)
    local id = server:print()
    t:wait "5s"
    command(server, id, "pause", 204)
    server:wait_state({ "PAUSED" }, "15s", "state after pause")
    server:stop(id)
  end),
}

check "PL-JOB-06" {
  "resume in PAUSED: 204, then PRINTING",
  run = link.on("PB", NEEDS, function(t, server)
    local id = server:print()
    command(server, id, "pause", 204)
    server:wait_state({ "PAUSED" }, "60s", "state after pause")
    t:wait "10s"
    command(server, id, "resume", 204)
    server:wait_state({ "PRINTING" }, "60s", "state after resume")
    server:stop(id)
  end),
}

check "PL-JOB-07" {
  "DELETE in PRINTING and in PAUSED: 204, then STOPPED or IDLE",
  run = link.on("PB", NEEDS, function(_, server)
    local id = server:print()
    server:stop(id)
    id = server:print()
    command(server, id, "pause", 204)
    server:wait_state({ "PAUSED" }, "60s", "state after pause")
    server:stop(id)
  end),
}

check "PL-JOB-08" {
  "pause in PAUSED and resume in PRINTING: 409",
  run = link.on("PB", NEEDS, function(t, server)
    local id = server:print()
    t:wait "5s"
    command(server, id, "resume", 409)
    command(server, id, "pause", 204)
    server:wait_state({ "PAUSED" }, "60s", "state after pause")
    t:wait "10s"
    command(server, id, "pause", 409)
    server:stop(id)
  end),
}

check "PL-JOB-09" {
  "pause, resume and DELETE with another id: 404, and nothing changes",
  run = link.on("PB", NEEDS, function(t, server)
    local id = server:print()
    for _, verb in ipairs { "pause", "resume", "stop" } do
      command(server, id + 1000, verb, 404)
    end
    t:wait "5s"
    t:expect(server:state(), server:say "state after commands for another job"):equals "PRINTING"
    t:expect(job_of(server).id, server:say "id after commands for another job"):equals(id)
    server:stop(id)
  end),
}

check "PL-JOB-10" {
  "DELETE with the last id after its job: 409",
  kind = "fidelity",
  run = link.on("PB", NEEDS, function(_, server)
    local id = server:print()
    server:stop(id)
    command(server, id, "stop", 409)
  end),
}

check "PL-JOB-11" {
  "continue and unknown commands: Buddy 400, the Pi 204 without effect; DELETE /job/abc: Buddy 400, the Pi 404",
  kind = "fidelity",
  run = link.on("PB", NEEDS, function(t, server)
    local id = server:print()
    if server.dialect == "B" or server:shows_quirks() then
      for _, verb in ipairs { "continue", "dance" } do
        command(server, id, verb, server.dialect == "B" and 400 or 204)
      end
    end
    server:must("DELETE", "/api/v1/job/abc", server.dialect == "B" and 400 or 404)
    t:expect(server:state(), server:say "state afterwards"):equals "PRINTING"
    server:stop(id)
  end),
}

check "PL-JOB-12" {
  "DELETE in ATTENTION during a print: Buddy 204, the Pi 409; Buddy shows the job as PAUSED then",
  kind = "fidelity",
  run = link.on("PB", { hands = "an interruption" }, function(t, server)
    -- The Pi tells of a fan that stands still beside a hot nozzle, Buddy asks for a filament change.
    local pi = server.dialect == "P"
    local id = server:print(600, pi and "M109 S215" or "G4 S30\nM600")
    if pi then
      t:wait "4m"
      server.printer:fault "hotend-fan-stalled"
    end
    server:wait_state({ "ATTENTION" }, "2m", "state of a print that waits for a person")
    if server.dialect == "B" then
      t:expect(job_of(server).state, server:say "state of the job in ATTENTION"):equals "PAUSED"
    end
    command(server, id, "stop", server.dialect == "B" and 204 or 409)
  end),
}

check "PL-JOB-13" {
  "file.name is short, display_name long, path the folder, refs.thumbnail /thumb/l and the path",
  kind = "fidelity",
  run = link.on("B", NEEDS, function(t, server)
    server:rest()
    local path = server:file("hotbed long name.gcode", link.print(300))
    server:must("POST", path, 204, { body = "" })
    server:wait_state({ "PRINTING" }, "60s")
    local job = job_of(server)
    t:expect(job.file.name, server:say "file.name"):matches "^[^.]+%.[^.]+$"
    t:expect(#job.file.name, server:say "length of file.name"):at_most(12)
    t:expect(job.file.name, server:say "file.name"):equals(job.file.name:upper())
    t:expect(job.file.display_name, server:say "file.display_name"):equals "hotbed long name.gcode"
    t:expect(job.file.path, server:say "file.path"):matches "^/usb/[^/]+$"
    t:expect(job.file.refs.thumbnail, server:say "refs.thumbnail"):equals(("/thumb/l%s/%s"):format(job.file.path, job.file.name))
    server:stop(job.id)
  end),
}

check "PL-JOB-14" {
  "file.path is display_path and begins with the storage's display name; meta.estimated_print_time is there",
  kind = "fidelity",
  run = link.on("P", NEEDS, function(t, server)
    local id = server:print()
    local file = job_of(server).file
    t:expect(file.display_path, server:say "file.display_path"):equals(file.path)
    t:expect(file.path, server:say "file.path"):matches "^/PrusaLink gcodes/"
    t:expect(file.meta, server:say "file.meta"):has "estimated_print_time"
    server:stop(id)
  end),
}

check "PL-JOB-15" {
  "in FINISHED and STOPPED there is no job",
  kind = "fidelity",
  run = link.on("PB", NEEDS, function(t, server)
    local id = server:print()
    server:must("DELETE", "/api/v1/job/" .. id, 204)
    local function without_job(state)
      server:must("GET", "/api/v1/job", 204)
      t:expect(server:get("/api/v1/status").json, server:say("status in " .. state)):lacks "job"
    end
    server:wait_state({ "STOPPED" }, "60s", "state after a stop")
    without_job "STOPPED"
    server:print(20)
    server:wait_state({ "FINISHED" }, "120s", "state at the end of a print")
    without_job "FINISHED"
  end),
}

check "PL-JOB-16" {
  "after a stop the state is PRINTING until the abort is complete, then STOPPED",
  kind = "fidelity",
  run = link.on("B", NEEDS, function(t, server)
    local id = server:print()
    t:wait "10s"
    server:must("DELETE", "/api/v1/job/" .. id, 204)
    local seen = {}
    t:wait_until(function()
      local state = server:state()
      if seen[#seen] ~= state then
        seen[#seen + 1] = state
      end
      return state == "STOPPED"
    end, "60s")
    t:expect(seen, server:say "states after a stop"):equals { "PRINTING", "STOPPED" }
  end),
}
