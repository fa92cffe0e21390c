#!/bin/bash
# Runs all tests on a fresh Debian 12 with root, Node.js 20 and npm: installs what they need, then `npm run check`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

PACKAGES=(containerd runc containernetworking-plugins nftables conntrack haproxy libatomic1 iproute2 busybox-static catatonit unzip ca-certificates
  curl git procps debootstrap util-linux shellcheck binutils socat openssl python3 wrk zsh fish
  docker-registry jq gcc libc6-dev etcd-server)

if [ "$(id -u)" != 0 ]; then
  echo "run-tests.sh: the tests start containers and need root." >&2
  exit 1
fi
missing=()
for package in "${PACKAGES[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing Debian packages: ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
echo "Installing npm packages"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
npm run --silent tools -- --loglevel=error
exec npm run --silent check
