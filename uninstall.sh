#!/bin/bash
# Removes MicroShift, its containers, volumes and everything that it changed on this machine.
#
#   ./uninstall.sh           asks first when a person runs it at a terminal
#   ./uninstall.sh --yes     does not ask
#   ./uninstall.sh --purge   also removes the packages that install.sh brought, and what only they needed
set -euo pipefail

PREFIX=/usr/local
BINARY=$PREFIX/bin/microshift
SHARE=$PREFIX/share/microshift
UNIT=/etc/systemd/system/microshift.service
SUPERVISE=$PREFIX/libexec/microshift-supervise

purge=false
ask=true
for argument in "$@"; do
  case $argument in
    --purge) purge=true ;;
    --yes | -y) ask=false ;;
    --help | -h) sed -n '2,6s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "uninstall.sh: unknown option $argument; see ./uninstall.sh --help" >&2 && exit 2 ;;
  esac
done
say() { printf '%s\n' "$*"; }
systemd_runs() { [ -d /run/systemd/system ]; }

[ "$(id -u)" = 0 ] || { say "uninstall.sh: this needs root." >&2; exit 1; }
if [ "$ask" = true ] && [ -t 0 ]; then
  read -r -p "This removes MicroShift with all its applications and their data. Go on? [y/N] " answer
  case $answer in y | Y | yes) ;; *) exit 1 ;; esac
fi

say "Stopping MicroShift"
if systemd_runs && [ -e $UNIT ]; then
  systemctl disable --now microshift.service >/dev/null 2>&1 || true
fi
if [ -x $SUPERVISE ]; then $SUPERVISE stop; fi

if [ -x $BINARY ]; then
  say "Removing containers, volumes, mounts, network and the kubectl context"
  # The context first: what cleanup removes knows which directories were made for it.
  $BINARY kubeconfig remove --from "${HOME:-/root}/.kube/config" || say "The context microshift stays in ${HOME:-/root}/.kube/config; take it out by hand."
  $BINARY cleanup --yes
fi

say "Removing files"
if [ -e $UNIT ]; then
  rm -f $UNIT
  if systemd_runs; then systemctl daemon-reload; fi
fi
if [ -e $SHARE/installed-kubectl ]; then
  rm -f $PREFIX/bin/kubectl
  if [ -e $SHARE/kubectl.before ]; then mv $SHARE/kubectl.before $PREFIX/bin/kubectl; fi
fi
if [ -r $SHARE/firewall-changes ]; then
  say "Closing the firewall"
  while read -r rule; do
    # shellcheck disable=SC2086
    firewall-cmd --permanent ${rule/--add-/--remove-} >/dev/null || say "firewall-cmd ${rule/--add-/--remove-} failed; do it by hand."
  done <$SHARE/firewall-changes
  firewall-cmd --reload >/dev/null || true
fi
if [ -r $SHARE/selinux-changes ]; then
  while read -r _ path; do semanage fcontext -d "$path" || true; done <$SHARE/selinux-changes
fi
if [ -e /etc/crio/crio.conf.d/10-microshift.conf ]; then
  rm -f /etc/crio/crio.conf.d/10-microshift.conf
  systemctl try-restart crio.service || true
fi
rm -f /etc/yum.repos.d/microshift-cri-o.repo
packages=()
if [ -r $SHARE/installed-packages ]; then mapfile -t packages < <(sort -u $SHARE/installed-packages); fi
made_libexec=false
if [ -e $SHARE/made-libexec ]; then made_libexec=true; fi
rm -rf $SHARE $BINARY $SUPERVISE /var/log/microshift.log /var/log/microshift.log.1 /run/microshift
if [ $made_libexec = true ]; then rmdir --ignore-fail-on-non-empty $PREFIX/libexec; fi

if [ ${#packages[@]} -gt 0 ]; then
  if [ "$purge" = true ]; then
    say "Removing packages: ${packages[*]}"
    if command -v apt-get >/dev/null; then
      DEBIAN_FRONTEND=noninteractive apt-get purge -y "${packages[@]}" >/dev/null
    else
      dnf remove -y --setopt=clean_requirements_on_remove=False "${packages[@]}" >/dev/null
    fi
  else
    say "Packages that install.sh brought stay: ${packages[*]}"
  fi
fi
say "MicroShift is removed."
