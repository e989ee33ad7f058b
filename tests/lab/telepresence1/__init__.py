"""Telepresence 1 sessions in the lab: the objects its clients create, and clients in every state of life."""
