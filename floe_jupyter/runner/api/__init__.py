"""Runner API: calls with JSON in and JSON out, the same on every kind of runner; README.md beside this file lists them."""
