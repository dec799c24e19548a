"""Containers: the engine, images of runners, and the program that keeps one container. Needs the extra ``docker``."""
