#!/bin/sh
# Runs inside new network and mount namespaces of a cluster and holds them open for its daemons.
#
# The cluster gets a /var and a /run of its own, so that its programs keep all their default places (sockets, state,
# pod volumes, logs) and still write nothing outside .lab, and two clusters never meet in one. All their mounts live
# and die with this namespace.
#
# Usage: namespaces.sh LAB CLUSTER     LAB: the .lab directory; CLUSTER: this cluster's directory in it
# `mount -n`: without a note below the machine's own /run.
set -eu
lab=$1
cluster=$2

mkdir -p "$cluster/var/tmp" "$cluster/var/lib" "$cluster/var/log" "$cluster/run/lock" "$cluster/sysctl"
chmod 1777 "$cluster/var/tmp"
ln -sfn /run "$cluster/var/run"

# The kubelet sets these for the whole machine. It is shown values that it is content with, and writes into copies.
hide_sysctl() {
    echo "$2" >"$cluster/sysctl/$1"
    mount -n --bind "$cluster/sysctl/$1" "/proc/sys/$(echo "$1" | tr . /)"
}
hide_sysctl vm.overcommit_memory 1
hide_sysctl vm.panic_on_oom 0
hide_sysctl kernel.panic 10
hide_sysctl kernel.panic_on_oops 1
hide_sysctl kernel.keys.root_maxkeys 1000000
hide_sysctl kernel.keys.root_maxbytes 25000000

for place in var run; do
    case $lab/ in
    "/$place"/*) # A checkout below /var or /run has to stay visible there.
        mkdir -p "$cluster$lab"
        mount -n --bind "$lab" "$cluster$lab"
        ;;
    esac
    mount -n --rbind "$cluster/$place" "/$place"
done

# CRI hands the pods' mounts on from here.
mount -n --make-rshared /

touch /run/ready
exec sleep infinity
