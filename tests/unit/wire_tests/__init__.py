"""Tests of the fake API server itself: what it shares with a real one is pinned here."""
