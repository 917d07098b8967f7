-- A client of PrusaLink beside a printer that speaks Connect as well: both see the same.

local NAME = "two cubes.gcode"

scenario "upload by PrusaLink" {
  "what is uploaded by PrusaLink is there, is printed, and Connect hears of it",
  run = function(t)
    local printer = t:printer "mk4"
    t:expect(printer):state "IDLE":within "20s"
    local link = printer:link()

    local upload = link:upload("/usb/" .. NAME, ("G4 S5\n"):rep(60))
    t:expect(upload.outcome, "the upload"):equals "ok"
    local listing = link:list "/usb"
    t:expect(listing.json.children, "the listing"):contains { display_name = NAME }
    local info = link:list("/usb/" .. NAME).json
    t:expect(link:download(info.refs.download).body, "the download"):equals(("G4 S5\n"):rep(60))

    t:expect(link:print("/usb/" .. NAME).outcome, "the start"):equals "ok"
    t:expect(printer):state "PRINTING":within "10s"
    local job = link:job().json
    t:expect(link:pause(job.id + 1).outcome, "a pause of another job"):equals "not_found"
    t:expect(link:stop(job.id).outcome, "the stop"):equals "ok"
    t:expect(printer):state "STOPPED":within "60s"
  end,
}

scenario "the speed of the board" {
  "an upload takes as long as the real board takes for it",
  run = function(t)
    local printer = t:printer("mk4", { connect = false })
    t:wait "30s"
    local began = t:now()
    local upload = printer:link({ upload_speed = "wifi" }):upload("/usb/" .. NAME, ("G4 S5\n"):rep(50000))
    t:expect(upload.outcome, "the upload"):equals "ok"
    t:expect(t:now() - began, "seconds for 300 kB at 100 kB/s"):near(3, 0.1)
  end,
}

scenario "a wrong answer" {
  "a client notices half an answer, and asks again",
  run = function(t)
    local printer = t:printer("mk3s", { connect = false })
    t:wait "30s"
    local link = printer:link { misbehave = { "half-body@GET/api/v1:1" } }
    t:expect(link:status().outcome, "the first answer"):equals "broken"
    t:expect(link:status().outcome, "the second answer"):equals "ok"
  end,
}
