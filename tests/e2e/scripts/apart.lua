local shared = 0

scenario "first" {
  "what one scenario does to its globals",
  run = function(t)
    shared = shared + 1
    t:expect(shared):equals(1)
  end,
}

scenario "second" {
  "no other one sees",
  run = function(t)
    shared = shared + 1
    t:expect(shared):equals(1)
  end,
}
