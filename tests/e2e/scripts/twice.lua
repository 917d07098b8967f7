scenario "x" { "a sentence", run = function() end }
scenario "x" { "a sentence", run = function() end }
