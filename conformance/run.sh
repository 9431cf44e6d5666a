#!/usr/bin/env bash
# Lets the Connect conformance suite judge our server and our client: run.sh [core|full].
#
# core has every protocol, version of HTTP, codec and kind of stream, TLS, client certificates, GET, limits and trailers, with
# identity and gzip; full has zstd and snappy besides. No case may fail, and none may be left out: the totals are checked.
set -euo pipefail
cd "$(dirname "$0")"
. ./versions

profile=${1:-core}
case $profile in
core) server=3820 client=4862 ;;
full) server=7288 client=8978 ;;
*)
	echo "usage: run.sh [core|full]" >&2
	exit 2
	;;
esac

export GOWORK=off
bin=$PWD/bin
suite=$bin/connectconformance-$CONNECT_CONFORMANCE
log=$(mktemp)
trap 'rm -f "$log"' EXIT

./generate.sh
go build -o "$bin/" ./cmd/connect-server ./cmd/connect-client
if [ ! -e "$suite" ]; then # of its own module, with the versions that this pins
	GOBIN=$bin/part go install "connectrpc.com/conformance/cmd/connectconformance@$CONNECT_CONFORMANCE"
	mv "$bin/part/connectconformance" "$suite"
fi

# judge runs the suite against one of our programs: judge MODE CASES
judge() {
	local mode=$1 cases=$2
	"$suite" --mode "$mode" --conf "$profile.yaml" -- "$bin/connect-$mode" >"$log" 2>&1 || true
	grep -qx "Total cases: $cases" "$log" && grep -qx "$cases passed, 0 failed" "$log" && ! grep -q 'could not be run' "$log"
}

for mode in server client; do
	if judge "$mode" "${!mode}"; then
		echo "Connect conformance $CONNECT_CONFORMANCE, $profile: $mode passed ${!mode} cases"
	else
		cat "$log"
		echo "Connect conformance $CONNECT_CONFORMANCE, $profile: $mode has to pass ${!mode} cases and did not" >&2
		exit 1
	fi
done
