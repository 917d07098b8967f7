-- Tries to get a token and a code into reports in every way that a script has.

local function registered(t)
  local printer = t:printer("mk3s", { registered = false })
  t:wait "12s"
  printer:register()
  local request = t:expect_request(printer, { method = "POST", path = "/p/register" }):within "10s"
  t:expect(printer):telemetry { state = any }:within "25s"
  return printer, request.reply.headers.Code
end

scenario "printed" {
  "what a script prints",
  run = function(t)
    local printer, code = registered(t)
    print("secret=" .. printer.token, "secret=" .. code)
  end,
}

scenario "expected" {
  "what it expects and what it sees",
  run = function(t)
    local printer, code = registered(t)
    t:expect("secret=" .. printer.token):equals("secret=" .. code)
  end,
}

scenario "raised" {
  "what it raises",
  run = function(t)
    local printer = registered(t)
    error("secret=" .. printer.token)
  end,
}

scenario "skipped" {
  "why it is skipped",
  run = function(t)
    local printer, code = registered(t)
    t:skip("secret=" .. printer.token .. " secret=" .. code)
  end,
}
