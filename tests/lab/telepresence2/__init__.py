"""Telepresence 2 on the lab's clusters: the real traffic-manager, agents and all that they leave."""
