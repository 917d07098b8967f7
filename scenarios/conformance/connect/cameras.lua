-- connect-sdk.md 13.8: cameras, and 13.9: conditions.
local common = include "common.lua"

local function with_camera(t, scheme, options)
  options = options or {}
  options.cameras = { { name = "Bench cam", scheme = scheme or "TEN_SEC" } }
  local printer = common.printer(t, options)
  if printer.outside then
    t:skip "needs a camera"
  end
  return printer
end

local function camera(t, printer)
  return t:wait_until(function()
    return t.connect:cameras(printer)[1]
  end, "30s")
end

for _, id in ipairs { "CON-CAM-01", "CON-CAM-02", "CON-CAM-03", "CON-CAM-08" } do
  check(id) {
    run = function(t)
      local printer = with_camera(t)
      t:expect_request(printer, { method = "POST", path = "/p/camera" }):within "30s"
      t:wait "2s"
      t:held(id, { exercised = "fail" })
    end,
  }
end

check "CON-CAM-04" {
  run = function(t)
    local printer = with_camera(t)
    t:wait "25s"
    local known = camera(t, printer)
    t:expect(known.pictures, "pictures"):at_least(1)
    t:expect(known.width, "width of the last one"):equals(640)
    t:expect(known.picture:sub(1, 2), "its first bytes"):equals("\xff\xd8")
    t:held("CON-CAM-04", { exercised = "fail" })
  end,
}

check "CON-CAM-05" {
  run = function(t)
    local printer = with_camera(t, "TEN_SEC", { register_cameras = false })
    t:wait "25s"
    t:expect(#t.connect:requests(printer, { path = "/c/snapshot" }), "pictures without a token"):equals(0)
    printer:register_camera "Bench cam"
    t:wait "15s"
    t:expect(camera(t, printer).pictures, "pictures"):at_least(1)
    t:held("CON-CAM-05", { exercised = "fail" })
  end,
}

check "CON-CAM-06" {
  run = function(t)
    local printer = with_camera(t)
    t:wait "25s"
    local known = camera(t, printer)
    t.connect:revoke_camera(known.fingerprint)
    t:wait "35s"
    t:expect(camera(t, printer).refused, "pictures that were refused"):equals(1)
    t:expect(printer:camera_token "Bench cam", "token"):equals(nil)
    printer:register_camera "Bench cam"
    t:wait "15s"
    t:expect(camera(t, printer).pictures, "pictures"):at_least(known.pictures + 1)
    t:held("CON-CAM-06", { exercised = "fail" })
  end,
}

check "CON-CAM-07" {
  run = function(t)
    with_camera(t)
    t:wait "65s"
    t:held("CON-CAM-07", { exercised = "fail" })
  end,
}

check "CON-CAM-09" {
  run = function(t)
    with_camera(t, "TEN_SEC")
    t:wait "25s"
    t:held("CON-CAM-09", { exercised = "fail" })
  end,
}

local function conditions(t, printer, wanted)
  t:expect(printer:conditions(), "conditions"):satisfies(wanted)
end

local ALL_FINE = { INTERNET = "OK", HTTP = "OK", TOKEN = "OK", API = "OK" }

check "CON-CND-01" {
  "403 on telemetry breaks TOKEN and API; the next 2xx repairs all four",
  side = "printer", kind = "fidelity",
  run = function(t)
    local printer = common.printer(t)
    t:wait "5s"
    conditions(t, printer, ALL_FINE)
    local refusal = common.always(t, "telemetry", printer, { status = 403 })
    t:wait "2s"
    conditions(t, printer, { INTERNET = "OK", HTTP = "OK", TOKEN = "NOK", API = "NOK" })
    refusal.off()
    t:wait "2s"
    conditions(t, printer, ALL_FINE)
  end,
}

check "CON-CND-02" {
  "connection refused breaks HTTP, TOKEN and API and leaves INTERNET",
  side = "printer", kind = "fidelity",
  run = function(t)
    local printer = common.printer(t)
    t:wait "5s"
    t.connect:down()
    t:wait "3s"
    conditions(t, printer, { INTERNET = "OK", HTTP = "NOK", TOKEN = "NOK", API = "NOK" })
    t.connect:up()
    t:wait "5s"
    conditions(t, printer, ALL_FINE)
  end,
}
