#!/bin/sh
# What clients of Telepresence 1 name as the command of the proxy's container.
set -e
ssh-keygen -q -t ed25519 -N '' -f /tmp/ssh_host_ed25519_key </dev/null
/usr/sbin/sshd
cd /usr/src/app
exec python3 -u forwarder.py
