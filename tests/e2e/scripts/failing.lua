scenario "x" {
  "a sentence",
  run = function(t)
    t:wait "1s"
    t:expect(1 + 1, "the sum"):equals(3)
  end,
}

scenario "hook" {
  "a sentence",
  run = function(t)
    local printer = t:printer "mk3s"
    t.connect:on("telemetry", { printer = printer }, function(message)
      return { status = message.nothing.at_all }
    end)
    t:wait "10s"
  end,
}

scenario "caught" {
  "a failure can not be caught",
  run = function(t)
    pcall(function()
      t:fail "told"
    end)
    t:wait "1s"
  end,
}

scenario "skipped" {
  "a sentence",
  run = function(t)
    t:skip "not today"
  end,
}

scenario "too long" {
  "a sentence",
  timeout = "10s",
  run = function(t)
    t:wait "1h"
  end,
}
