"""Tests of the collection and the lab that they run on."""
