"""What panels show and do, without widgets: testable with no browser."""
