"""The reports about people as charts: pure functions of what jobs stored."""
