"""The client of the control API: finding, starting and calling the dispatcher."""
