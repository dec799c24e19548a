"""A process that joins the dispatcher of another machine (``floe runner --connect``) and starts runners for it."""
