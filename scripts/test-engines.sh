#!/usr/bin/env bash
# Brings what the test suites need beyond Node, and skips what is there: today a Chromium from Debian's packages.
# The servers of several nodes (NATS, MariaDB, Redis, a MongoDB-compatible one) join this script with the suites that use them.
set -euo pipefail

if [ "${1:-}" = "--help" ]; then
	sed -n '2,3p' "$0"
	exit 0
fi

if command -v chromium >/dev/null 2>&1 || [ -n "${CHROMIUM_PATH:-}" ]; then
	echo "chromium: there already"
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "chromium: installing from Debian's packages"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
else
	echo "chromium: not there, and only root on Debian can install it here; its suites will be skipped" >&2
fi
