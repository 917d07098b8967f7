scenario "x" {
  "a sentence",
  run = function(t)
    t:wait(
  end,
}
