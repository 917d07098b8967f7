-- Servers, and what stands before them, that break HTTP itself: a printer gives the reply up and goes on with its next
-- message; a command that was not whole is not done. What it said meanwhile is not said again (connect-sdk.md 0.3), but
-- INFO tells all that is true now.

local gcodes = "/PrusaLink gcodes"
local INFO = '{"command":"SEND_INFO"}'
local HEAD = "HTTP/1.1 200 OK\r\nCommand-Id: 77\r\nContent-Type: application/json\r\n"

-- { name, the reply as a hook gives it }
local replies = {
  { "is cut in the head", { raw = "HTTP/1.1 200 OK\r\nComma", after = "close" } },
  { "is cut in the body", { raw = HEAD .. "Content-Length: 23\r\n\r\n" .. INFO:sub(1, 9), after = "close" } },
  { "is cut by a reset", { raw = HEAD .. "Content-Length: 23\r\n\r\n" .. INFO:sub(1, 9), after = "reset" } },
  { "announces more than comes", { raw = HEAD .. "Content-Length: 9999\r\n\r\n" .. INFO, after = "close" } },
  { "announces more and stalls", { raw = HEAD .. "Content-Length: 9999\r\n\r\n" .. INFO, after = "stall" } },
  { "is announced as endless", { raw = HEAD .. "Content-Length: 99999999999999999999\r\n\r\n" .. INFO, after = "stall" } },
  { "has a negative length", { raw = HEAD .. "Content-Length: -1\r\n\r\n" .. INFO, after = "close" } },
  { "has two lengths", { raw = HEAD .. "Content-Length: 1\r\nContent-Length: 23\r\n\r\n" .. INFO, after = "close" } },
  { "has a length that is no number", { raw = HEAD .. "Content-Length: many\r\n\r\n" .. INFO, after = "close" } },
  { "has chunks cut short", { raw = HEAD .. "Transfer-Encoding: chunked\r\n\r\n17\r\n{\"comm", after = "close" } },
  { "has a chunk of absurd size", { raw = HEAD .. "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{", after = "stall" } },
  { "has chunks that are none", { raw = HEAD .. "Transfer-Encoding: chunked\r\n\r\nzz\r\n" .. INFO, after = "close" } },
  { "has a huge header", { raw = "HTTP/1.1 200 OK\r\nX: " .. ("x"):rep(300000), after = "stall" } },
  { "has headers without end", { raw = "HTTP/1.1 200 OK\r\n" .. ("X: y\r\n"):rep(50000), after = "stall" } },
  { "is not HTTP", { raw = "220 mail.example.com ESMTP\r\n", after = "close" } },
  { "is binary", { raw = "\0\255\254\1\2\3\r\n\r\n\0", after = "close" } },
  { "is a TLS alert", { raw = "\21\3\3\0\2\2\80", after = "close" } },
  { "is nothing at all", { status = 0, after = "close" } },
  { "is a reset", { status = 0, after = "reset" } },
  { "never comes", { status = 0, after = "stall" } },
  { "comes after the printer's patience", { status = 204, delay = "40s" } },
}

for _, case in ipairs(replies) do
  local name, reply = case[1], case[2]
  scenario("a reply " .. name) {
    "a printer whose telemetry gets such a reply goes on, and does no command that was not whole",
    timeout = "10m",
    run = function(t)
      local printer = t:printer("mk3s", { files = { [gcodes .. "/a.gcode"] = "G1\n" } })
      t:expect(printer):state "IDLE":within "20s"
      local began = t:now()
      t.connect:on("telemetry", { printer = printer, times = 3 }, function()
        return reply
      end)
      printer:put_file(gcodes .. "/b.gcode", "G1\n")
      t:wait "1m"
      t:expect_request(printer, { path = "/p/telemetry", status = 204 }):within "30s"
      t:expect(#t:events_since(printer, began, { event = "ACCEPTED" }), "commands taken"):equals(0)
      local info = t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "10s"
      t:expect(#info.data.files.children[1].children, "files it tells of"):equals(2)
    end,
  }
end

scenario "a reply has no length" {
  "without Content-Length the body goes on until the connection ends, and the command in it is done",
  run = function(t)
    local printer = t:printer "mk3s"
    t:expect(printer):state "IDLE":within "20s"
    local before = t:now()
    t.connect:reply_next(printer, { raw = HEAD .. "\r\n" .. INFO, after = "close" })
    t:expect_event(printer, { event = "INFO", command_id = 77 }):within "15s"
    t:expect(#t:events_since(printer, before, { event = "INFO", command_id = 77 }), "INFO"):equals(1)
  end,
}

scenario "the server vanishes while a job runs" {
  "ten minutes without the server: the print goes on, and what is true by then is told when it is back",
  run = function(t)
    local cube = gcodes .. "/cube.gcode"
    local printer = t:printer("mk3s", { files = { [cube] = "G28\nG1 X10 F3000\nG4 S3600\n" } })
    t:expect(printer):state "IDLE":within "20s"
    t:expect(t.connect:command(printer, "START_PRINT", { path = cube })):finished():within "10s"
    t:expect(printer):state "PRINTING":within "10s"
    t.connect:down()
    t:wait "10m"
    t:expect(printer:state(), "the state behind the back of the server"):equals "PRINTING"
    printer:stop()
    printer:put_file(gcodes .. "/late.gcode", "G1\n")
    t:wait "5s"
    t.connect:up()
    t:expect_request(printer, { path = "/p/telemetry", status = 204 }):within "15s"
    t:expect(printer):state(printer:state()):within "20s"
    local info = t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "10s"
    t:expect(#info.data.files.children[1].children, "files it tells of"):equals(2)
  end,
}
