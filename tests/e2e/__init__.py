"""Proofs of the whole: a real dispatcher, runner and runtimes, judged by what modules wrote down themselves."""
