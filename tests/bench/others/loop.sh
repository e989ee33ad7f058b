#!/bin/sh
# The shell loop that people write: each proxy whose client does not answer is deleted, after its workload was scaled up.
# It takes an exec that ends well without an answer for none, and believes that every workload had one replica.
#     loop.sh KUBECONFIG CONTEXT NAMESPACE
set -eu
export KUBECTL="kubectl --kubeconfig $1 --context $2 --namespace $3"
$KUBECTL get pods --selector=telepresence --output=name | xargs -P8 -I{} sh -euc '
    if $KUBECTL exec {} -- sh -c "printf \"HEAD / HTTP/1.1\r\n\r\n\" | timeout 5 nc 127.0.0.1 9055" | grep -q 200; then exit; fi
    pod={}
    name=${pod#pod/}
    $KUBECTL scale deployment "${name%-*}" --replicas=1
    $KUBECTL delete {} --wait=false' 2>&1
