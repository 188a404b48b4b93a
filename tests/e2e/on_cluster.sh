#!/usr/bin/env bash
# The end-to-end tests on whichever cluster this machine can have, the first of:
#   KUBECONFIG          a cluster that runs already; IMAGE_BUILD and IMAGE_LOAD say how images are made and come into it
#   OPENPANEL_CLUSTER   a program that runs one (up, base-images, image, load, path, down); by default
#                       ../shared/cluster/cluster beside the repository, or beside the one that this is a clone of, where
#                       that is there. It is taken down at the end
#   kind and docker     the cluster of kind-config.yaml
# Without any of them this fails: a run without a cluster has shown nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf 'e2e: %s (%d s)\n' "$*" "$SECONDS"; }

# What a person would look at first; printed only when something failed.
tell() {
  kubectl get pods,jobs,pvc --all-namespaces --output wide || true
  kubectl get panelclusters,analyticsprojects --all-namespaces || true
  kubectl get pods --all-namespaces --output jsonpath='{range .items[*]}{.metadata.namespace} {.metadata.name} {.status.containerStatuses[*].restartCount}{"\n"}{end}' |
    while read -r namespace pod restarts; do
      case $restarts in "" | 0 | "0 0") continue ;; esac
      echo "--- $namespace/$pod ended before:"
      kubectl --namespace "$namespace" logs "$pod" --previous --tail 25 </dev/null || true
    done
  kubectl --namespace openpanel-system logs --selector app.kubernetes.io/component=operator --prefix --tail 60 || true
}

# Folders of host paths belong to root: a kubelet gives them to no group, and our pods are not root.
open_volumes() {
  kubectl get persistentvolumes --output jsonpath='{range .items[*]}{.spec.hostPath.path}{"\n"}{end}' |
    while read -r folder; do
      test -z "$folder" || install --directory --mode 777 "$folder"
    done
}

on_own_cluster() {
  trap 'say "taking the cluster down"; "$program" down' EXIT
  KUBECONFIG=$("$program" up | tail -n 1)
  PATH=$("$program" path):$PATH
  export KUBECONFIG PATH
  say "the cluster is up"
  open_volumes
  "$program" base-images
  say "base images are there"
  export OPENPANEL_E2E_REDIS_IMAGE=redis:7-bookworm-local OPENPANEL_E2E_POSTGRES_IMAGE=postgres:15-bookworm-local
  export IMAGE_BUILD="$program image" IMAGE_LOAD="$program load"
  export IMAGE_EXTRA="$OPENPANEL_E2E_REDIS_IMAGE $OPENPANEL_E2E_POSTGRES_IMAGE"
  make e2e || { tell; exit 1; }
}

program=${OPENPANEL_CLUSTER:-../shared/cluster/cluster}
origin=$(git config --get remote.origin.url || true)
if [ ! -x "$program" ] && [ -d "$origin" ]; then
  program=$origin/../shared/cluster/cluster
fi
if [ -n "${KUBECONFIG:-}" ]; then
  make e2e
elif [ -x "$program" ]; then
  program=$(realpath "$program")
  on_own_cluster
elif command -v kind >/dev/null && command -v docker >/dev/null; then
  make e2e
else
  echo "e2e: no cluster: set KUBECONFIG, or OPENPANEL_CLUSTER to a program that runs one ($program is not there)," \
    "or install kind and docker" >&2
  exit 1
fi
say "done"
