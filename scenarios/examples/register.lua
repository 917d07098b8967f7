-- A printer that Connect doesn't know yet.

scenario "registration" {
  "a new printer shows a code, and has a token as soon as its user has typed it in",
  run = function(t)
    t.connect.auto_add = false
    local printer = t:printer("mk3s", { registered = false })
    t:wait "12s" -- until the host has found its printer
    printer:register()
    local request = t:expect_request(printer, { method = "POST", path = "/p/register" }):within "10s"
    t:expect(request.json):satisfies { sn = printer.serial, fingerprint = printer.fingerprint }
    local code = request.reply.headers.Code
    t:expect(code, "the code"):is_a "string"

    t:expect_request(printer, { method = "GET", path = "/p/register", status = 202 }):within "10s"
    t:expect(printer.token, "the token before"):is_nil()
    t.connect:add(printer)
    t:expect_request(printer, { method = "GET", path = "/p/register", status = 200 }):within "10s"
    t:expect(printer):telemetry { state = any }:within "15s"
    t:expect(printer.token, "the token"):is_a "string"
  end,
}
