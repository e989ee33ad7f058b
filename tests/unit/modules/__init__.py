"""The modules' real ``main()`` against the fake API server: what they return, and what went over the wire."""
