"""Puts together what several sources say of an application, and which machines are whose."""
