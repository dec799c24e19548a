"""Messages held at breakpoints and recorded one by one. Debugging costs no time while off."""
