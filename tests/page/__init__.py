"""The page, used by people in a real browser, at a real gateway with its sandbox."""
