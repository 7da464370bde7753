#!/usr/bin/env bash
# Installs what the named tiers of tests need from the operating system, where root and apt are there; tests of a tier
# whose programs are missing are skipped with a printed count.
set -u
wanted=()
[ -x /usr/lib/postgresql/15/bin/postgres ] || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || wanted+=(postgresql)
command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1 || wanted+=(redis-server)
command -v docker-compose >/dev/null 2>&1 || wanted+=(docker-compose)
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || wanted+=(chromium)
command -v node >/dev/null 2>&1 || wanted+=(nodejs)
command -v npm >/dev/null 2>&1 || wanted+=(npm)

# The JavaScript clients, at the versions of their lock; once per lock.
install_clients() {
    local sdk stamp
    sdk=$(dirname "$0")/whole/sdk
    stamp=$sdk/node_modules/.installed
    command -v npm >/dev/null 2>&1 || return 0
    [ -e "$stamp" ] && [ "$stamp" -nt "$sdk/package-lock.json" ] && return 0
    echo "Installing the JavaScript clients for the tests…"
    (cd "$sdk" && npm ci --silent --ignore-scripts --no-audit --no-fund) && touch "$stamp" ||
        echo "npm could not install the JavaScript clients; their tests are skipped."
}

if [ ${#wanted[@]} -eq 0 ]; then
    install_clients
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not installed, so their tests are skipped: ${wanted[*]} (root on Debian or Ubuntu would install them)."
    install_clients
    exit 0
fi
echo "Installing ${wanted[*]} for the tests…"
export DEBIAN_FRONTEND=noninteractive
# Servers of the packages must not start: the tests run throw-away ones of their own.
policy=/usr/sbin/policy-rc.d
[ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && trap 'rm -f "$policy"' EXIT; }
apt-get update -qq && apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null ||
    echo "apt-get could not install ${wanted[*]}; their tests are skipped."
install_clients
exit 0
