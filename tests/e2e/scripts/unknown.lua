scenario "x" {
  "a sentence",
  run = function(t)
    t:wiat "5s"
  end,
}
