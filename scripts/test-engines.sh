#!/usr/bin/env bash
# Brings the servers and tools of the test suites into .engines/ (git-ignored) or from Debian's packages, and skips what is there.
# Debian's packages need root; nats-server, toxiproxy and stripe-mock need go; the MongoDB stand-in needs mvn; localstripe and kubernetes-validate need
# python3. Where one of these is missing the suites that it would serve are named, and skipped by `npm test`. What was tried and failed ends this
# script with an error.
#
#   scripts/test-engines.sh           everything
#   scripts/test-engines.sh --help    this text
set -euo pipefail

if [ "${1:-}" = "--help" ] || [ "${1:-}" = "-h" ]; then
	sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
	exit 0
fi

root="$(cd "$(dirname "$0")/.." && pwd)"
engines="$root/.engines"
mkdir -p "$engines/bin"

say() { echo "engines: $*"; }
has() { PATH="$PATH:/usr/sbin:/usr/local/go/bin" command -v "$1" >/dev/null 2>&1; }

# Registries have bad seconds; a third failure is a real one. What a command prints is shown only then.
try() {
	local what="$1" log attempt
	shift
	log="$(mktemp)"
	for attempt in 1 2 3; do
		if "$@" >"$log" 2>&1; then
			rm -f "$log"
			return 0
		fi
		[ "$attempt" = 3 ] || { say "$what: failed, trying again"; sleep $((attempt * 5)); }
	done
	say "$what: FAILED: $*" >&2
	tail -n 30 "$log" >&2
	rm -f "$log"
	return 1
}

# Debian's own python3 comes without it.
environments_can_be_made() { python3 -c 'import ensurepip, venv' >/dev/null 2>&1; }

debian_packages() {
	local wanted=()
	{ has mariadbd && has mariadb-install-db; } || wanted+=(mariadb-server)
	has redis-server || wanted+=(redis-server)
	has chromium || [ -n "${CHROMIUM_PATH:-}" ] || wanted+=(chromium)
	has docker-compose || wanted+=(docker-compose)
	has openssl || wanted+=(openssl)
	if has python3 && ! environments_can_be_made; then wanted+=(python3-venv); fi
	if [ "${#wanted[@]}" = 0 ]; then
		say "mariadb, redis, chromium, docker-compose, openssl: there"
		return 0
	fi
	if [ "$(id -u)" != 0 ] || ! has apt-get; then
		say "${wanted[*]}: only root on Debian can install them here; \`npm test\` skips the suites that need them" >&2
		return 0
	fi
	say "${wanted[*]}: installing from Debian's packages"
	# The tests start their own servers: what Debian installs must not run as a system service.
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
		printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
		chmod +x /usr/sbin/policy-rc.d
	fi
	export DEBIAN_FRONTEND=noninteractive
	local install=(apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 "${wanted[@]}")
	# A machine whose package lists are fresh needs no update; one without lists, or with old ones, does.
	if "${install[@]}" >/dev/null 2>&1; then
		say "${wanted[*]}: installed"
		return 0
	fi
	say "Debian's package lists are missing or old: updating them"
	try "apt-get update" apt-get update -o DPkg::Lock::Timeout=120
	try "${wanted[*]}" "${install[@]}"
	say "${wanted[*]}: installed"
}

# go_program <name> <module's command> <version> <what suites call it>; the Go tool names a program after the last folder of its path.
go_program() {
	local name="$1" command="$2" version="$3" need="$4" made place="$engines/bin/$1"
	if [ -x "$place" ] && { ! has go || go version -m "$place" | grep -qE "^\s+mod\s+\S+\s+$version\s"; }; then
		say "$name $version: there"
		return 0
	fi
	if ! has go; then
		say "$name: there is no go to build it with; \`npm test\` skips the suites that need $need" >&2
		return 0
	fi
	say "$name $version: building"
	made="$(mktemp -d "$engines/go-XXXXXX")"
	try "$name" env GOBIN="$made" go install "$command@$version" || { rm -rf "$made"; return 1; }
	mv "$made"/* "$place"
	rmdir "$made"
	say "$name $version: ready"
}

go_programs() {
	go_program nats-server github.com/nats-io/nats-server/v2 v2.11.10 nats
	go_program toxiproxy-server github.com/Shopify/toxiproxy/v2/cmd/server v2.12.0 toxiproxy
	go_program stripe-mock github.com/stripe/stripe-mock v0.203.0 stripeMock
}

mongo_stand_in() {
	local version=1.47.0 made
	if [ -f "$engines/mongo/mongo-java-server-h2-backend-$version.jar" ]; then
		say "MongoDB stand-in $version: there"
		return 0
	fi
	if ! has mvn || ! has java; then
		say "MongoDB stand-in: there is no mvn with java to bring it; \`npm test\` skips the suites that need mongo" >&2
		return 0
	fi
	say "MongoDB stand-in $version: downloading"
	made="$(mktemp -d "$engines/mongo-XXXXXX")"
	try "MongoDB stand-in" mvn -B -q -f "$root/test/support/engines/mongo-stand-in.pom.xml" dependency:copy-dependencies \
		-DoutputDirectory="$made" || { rm -rf "$made"; return 1; }
	rm -rf "$engines/mongo"
	mv "$made" "$engines/mongo"
	say "MongoDB stand-in $version: ready"
}

# python_program <name> <requirement> <version prefix>, in a virtual environment of its own.
python_program() {
	local name="$1" requirement="$2" version="$3" place="$engines/$1"
	if [ -x "$place/bin/$name" ] && compgen -G "$place/lib/python3*/site-packages/${name//-/_}-$version*.dist-info" >/dev/null; then
		say "$name $version: there"
		return 0
	fi
	if ! has python3; then
		say "$name: there is no python3 to bring it; \`npm test\` skips the suites that need it" >&2
		return 0
	fi
	say "$name $version: installing"
	rm -rf "$place"
	try "$name" python3 -m venv "$place"
	try "$name" "$place/bin/python3" -m pip install --quiet --disable-pip-version-check "$requirement" || { rm -rf "$place"; return 1; }
	say "$name $version: ready"
}

python_programs() {
	python_program localstripe localstripe==1.15.10 1.15.10
	python_program kubernetes-validate 'kubernetes-validate==1.37.*' 1.37
}

packages_then_python() {
	debian_packages
	python_programs
}

# Roads that do not wait for each other. `set -e` holds in each, since each is a job of its own.
export PATH="$PATH:/usr/local/go/bin"
roads=(go_programs mongo_stand_in)
if has python3 && ! environments_can_be_made; then roads+=(packages_then_python); else roads+=(debian_packages python_programs); fi
jobs_running=()
for road in "${roads[@]}"; do
	"$road" &
	jobs_running+=("$!")
done
failed=0
for job in "${jobs_running[@]}"; do
	wait "$job" || failed=1
done
if [ "$failed" = 1 ]; then
	say "not everything could be brought, see above" >&2
	exit 1
fi
say "done"
