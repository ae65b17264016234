#!/bin/bash
# Makes the captures in test/fixtures/cases from real programs that talk to each other in two network namespaces.
#
#   sudo scripts/make-fixtures.sh [CASE…]     (no CASE: all of them)
#   sudo KEEP=1 scripts/make-fixtures.sh …    keeps the working folder, with the logs of every program
#
# Each case is a function case_<name> in scripts/fixtures/*.sh. It writes test/fixtures/cases/<name>/input.pcap and a
# README.md of one paragraph; case_handshakes_<name> writes test/fixtures/handshakes/<name> instead. Times, ports, keys and
# randoms are new on every run: a capture that is committed stays as it is unless its case changes, because the expected
# events beside it belong to it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034
cases=$here/../test/fixtures/cases

# program:Debian package
needed=(openssl:openssl nginx:nginx named:bind9 dnsmasq:dnsmasq-base dig:bind9-dnsutils nsupdate:bind9-dnsutils
  curl:curl gnutls-cli:gnutls-bin gnutls-serv:gnutls-bin tcpdump:tcpdump dumpcap:wireshark-common ip:iproute2
  ethtool:ethtool nft:nftables ping:iputils-ping avahi-daemon:avahi-daemon ovs-vswitchd:openvswitch-switch
  kdig:knot-dnsutils xrdp:xrdp xfreerdp:freerdp2-x11 Xvfb:xvfb go:golang-go python3:python3-venv unbound:unbound llmnrd:llmnrd cargo:cargo
  ovs-vsctl:openvswitch-switch ovsdb-server:openvswitch-common certtool:gnutls-bin gtlsclient:ngtcp2-client gtlsserver:ngtcp2-server)
missing=()
for entry in "${needed[@]}"; do
  PATH=$PATH:/usr/sbin command -v "${entry%%:*}" >/dev/null || missing+=("${entry##*:}")
done
if ((${#missing[@]})); then
  echo "make-fixtures: missing programs; install the Debian packages: $(printf '%s\n' "${missing[@]}" | sort -u | tr '\n' ' ')" >&2
  exit 2
fi
if ((EUID != 0)); then
  echo "make-fixtures: needs root, to make network namespaces" >&2
  exit 2
fi

for part in network servers dns encrypted-dns tls datagrams tunnels capture-formats office-hour handshakes; do
  # shellcheck source=/dev/null
  source "$here/fixtures/$part.sh"
done

names=("$@")
if ((${#names[@]} == 0)); then
  mapfile -t names < <(declare -F | sed -n 's/^declare -f case_//p' | tr _ -)
fi

trap tear_down EXIT
trap 'exit 130' INT TERM
set_up_network
set_up_servers
for name in "${names[@]}"; do
  function=case_${name//-/_}
  declare -F "$function" >/dev/null || { echo "make-fixtures: no case $name" >&2; exit 2; }
  "$function"
done
