#!/usr/bin/env bash
# Clients that others wrote call one unchanged server of ours, on one port: grpcurl, buf curl, curl, and those of npm, in
# Node.js and in Chromium. It needs Go, Node.js with npm, curl, and Chromium.
set -euo pipefail
cd "$(dirname "$0")"
. ../versions

export GOWORK=off no_proxy=127.0.0.1
bin=$PWD/../bin
root=$PWD/../..
want=229 # checks, so that none is left out

work=$(mktemp -d)
server=
finish() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap finish EXIT

# tool installs a program written in Go, of its own module, with the versions that this pins.
tool() {
	[ -e "$bin/$1-$3" ] && return
	GOBIN=$bin/$1.part go install "$2@$3"
	mv "$bin/$1.part/$1" "$bin/$1-$3"
	rmdir "$bin/$1.part"
}

mkdir -p "$bin"
tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl "$GRPCURL"
tool buf github.com/bufbuild/buf/cmd/buf "$BUF"
grpcurl=("$bin/grpcurl-$GRPCURL" -plaintext -max-time 10)
bufcurl=(timeout 20 "$bin/buf-$BUF" curl --http2-prior-knowledge)
npm ci --no-audit --no-fund --ignore-scripts --silent
go build -o "$bin/clients-server" ./server
(cd "$root" && "$bin/buf-$BUF" build examples/weather/proto -o "$work/weather.binpb")

page=$((20000 + RANDOM % 10000)) # where pages that may call come from
: >"$work/log"
"$bin/clients-server" -origins "http://127.0.0.1:$page" >>"$work/log" 2>&1 &
server=$!
addr=
for _ in $(seq 100); do
	addr=$(sed -n 's#^serving on tcp://##p' "$work/log")
	[ -z "$addr" ] || break
	sleep 0.1
done
[ -n "$addr" ] || { cat "$work/log"; exit 1; }

# check runs a command, whatever its status is, and looks for a text in what it prints: check NAME TEXT COMMAND...
passed=0 failed=0
check() {
	local name=$1 text=$2
	shift 2
	if { "$@" 2>&1 || true; } | tr -d ' \n' >"$work/out" && grep -qF -- "${text// /}" "$work/out"; then
		echo "ok    $name"
		passed=$((passed + 1))
	else
		echo "FAIL  $name: $(cat "$work/out")"
		failed=$((failed + 1))
	fi
}

oslo='{"city":"Oslo"}'
report='"summary":"freezing"'
check "grpcurl: list" weather.v1.Weather "${grpcurl[@]}" "$addr" list
check "grpcurl: describe" "rpcWatch(.weather.v1.WatchRequest)returns(stream.weather.v1.Report)" "${grpcurl[@]}" "$addr" describe weather.v1.Weather
check "grpcurl: describe health" grpc.health.v1.HealthCheckResponse "${grpcurl[@]}" "$addr" describe grpc.health.v1.Health
check "grpcurl: unary" "$report" "${grpcurl[@]}" -d "$oslo" "$addr" weather.v1.Weather/Get
check "grpcurl: an error" 'Code: NotFound Message: no city named "Atlantis"' "${grpcurl[@]}" -d '{"city":"Atlantis"}' "$addr" weather.v1.Weather/Get
check "grpcurl: server stream" "$report" "${grpcurl[@]}" -d '{"city":"Oslo","reports":1}' "$addr" weather.v1.Weather/Watch
check "grpcurl: client stream" '"averageCelsius":20' "${grpcurl[@]}" -d '{"city":"Lisbon","celsius":19}{"city":"Lisbon","celsius":21}' "$addr" weather.v1.Weather/Record
check "grpcurl: bidi stream" '{"text":"you said: a"}{"text":"you said: b"}' "${grpcurl[@]}" -d '{"text":"a"}{"text":"b"}' "$addr" weather.v1.Weather/Chat
check "grpcurl: health" SERVING "${grpcurl[@]}" "$addr" grpc.health.v1.Health/Check
check "grpcurl: health of a service" SERVING "${grpcurl[@]}" -d '{"service":"weather.v1.Weather"}' "$addr" grpc.health.v1.Health/Check
check "grpcurl: reflection v1alpha" weather.v1.Weather "${grpcurl[@]}" -d '{"list_services":""}' "$addr" grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo

for protocol in grpc grpcweb connect; do
	curl=("${bufcurl[@]}" --protocol $protocol)
	url=http://$addr/weather.v1.Weather
	check "buf curl, $protocol: unary, with reflection" "$report" "${curl[@]}" -d "$oslo" "$url/Get"
	curl+=(--schema "$work/weather.binpb")
	check "buf curl, $protocol: unary" "$report" "${curl[@]}" -d "$oslo" "$url/Get"
	check "buf curl, $protocol: an error" '"code":"not_found"' "${curl[@]}" -d '{"city":"Atlantis"}' "$url/Get"
	check "buf curl, $protocol: server stream" "$report" "${curl[@]}" -d '{"city":"Oslo","reports":1}' "$url/Watch"
	check "buf curl, $protocol: bidi stream" '{"text":"you said: a"}{"text":"you said: b"}' "${curl[@]}" -d '{"text":"a"}{"text":"b"}' "$url/Chat"
done

json=(curl -sS -m 10 -H 'Content-Type: application/json')
check "curl: Connect" "$report" "${json[@]}" -d "$oslo" "http://$addr/weather.v1.Weather/Get"
check "curl: Connect by GET" "$report" curl -sS -m 10 "http://$addr/weather.v1.Weather/Get?encoding=json&message=%7B%22city%22:%22Oslo%22%7D"
check "curl: Connect, gzip" "$report" "${json[@]}" --compressed -d "$oslo" "http://$addr/weather.v1.Weather/Get"
check "curl: JSON-RPC" "$report" "${json[@]}" -d '{"jsonrpc":"2.0","id":1,"method":"weather.v1.Weather/Get","params":{"city":"Oslo"}}' "http://$addr/"
check "curl: REST" "$report" curl -sS -m 10 "http://$addr/v1/weather/Oslo"
check "curl: REST, server-sent events" 'data:{"city":"Oslo"' curl -sS -m 10 -H 'Accept: text/event-stream' "http://$addr/v1/weather/Oslo/reports?reports=1"

# program runs one of the programs in JavaScript.
program() {
	node "$@" >"$work/out" || true
	grep -v '^total' "$work/out" || true
	local line
	line=$(sed -n 's/^total \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$work/out")
	passed=$((passed + ${line% *})) failed=$((failed + ${line#* })) # an error if there is no total
}
program connectnode.js "$addr" "$work/weather.binpb"
program grpcjs.js "$addr" "$root/examples/weather/proto" "$root/generator/protos"
program jsonrpc.js "$addr"
program browser.js "$addr" "$work/weather.binpb" "$page"

echo "other people's clients: $passed checks passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -eq "$want" ] || {
	echo "all of $want checks have to pass" >&2
	exit 1
}
