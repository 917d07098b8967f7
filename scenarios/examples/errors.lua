-- Servers that misbehave: a printer must go on.

for _, status in ipairs { 400, 401, 404, 500, 503 } do
  scenario("telemetry is answered " .. status) {
    "a printer goes on with telemetry whatever status it is answered with",
    run = function(t)
      local printer = t:printer "mk3s"
      t:expect(printer):state "IDLE":within "20s"
      t.connect:on("telemetry", { printer = printer, times = 5 }, function()
        return { status = status }
      end)
      t:expect_request(printer, { path = "/p/telemetry", status = status }):within "10s"
      t:expect_request(printer, { path = "/p/telemetry", status = 204 }):within "30s"
    end,
  }
end

scenario "the server vanishes in the middle" {
  "a printer whose server is gone for a minute is back when the server is",
  run = function(t)
    local printer = t:printer "mk3s"
    t:expect(printer):state "IDLE":within "20s"
    t.connect:down()
    t:wait "1m"
    t.connect:up()
    t:expect_request(printer, { path = "/p/telemetry", status = 204 }):within "15s"
    local command = t.connect:command(printer, "SEND_INFO")
    t:expect(command):answered "INFO":within "10s"
  end,
}

scenario "one answer is late" {
  "a request that is not answered is given up after 10 s, and the next one is sent",
  run = function(t)
    local printer = t:printer "mk3s"
    t:expect(printer):state "IDLE":within "20s"
    t.connect:on("telemetry", { printer = printer, times = 1 }, function()
      return { status = 204, delay = "30s" }
    end)
    local before = t:now()
    local request = t:expect_request(printer, { path = "/p/telemetry", status = 204, at = above(before + 5) }):within "20s"
    t:expect(request.at - before, "the pause"):satisfies(between(9.5, 11.5))
  end,
}
