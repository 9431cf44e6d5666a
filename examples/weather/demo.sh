#!/usr/bin/env bash
# The way from a .proto file to a running service: generate, build, serve, call. It needs Go; the calls with curl are left
# out where there is no curl. Whatever fails ends it with status 1, and nothing is left running.
set -euo pipefail

cd "$(dirname "$0")/../.."
export GOWORK=off
work=$(mktemp -d)
server=

heading() { printf '\n== %s\n' "$*"; }

# run shows a command and runs it.
run() {
	local arg line='$'
	for arg in "$@"; do
		case $arg in
		*[!A-Za-z0-9_./:=@,-]*) line+=" '$arg'" ;;
		*) line+=" $arg" ;;
		esac
	done
	printf '%s\n' "$line"
	"$@"
}

fail() {
	echo "demo: $*" >&2
	exit 1
}

# expect runs a command and fails unless its output has a text.
expect() {
	local text=$1
	shift
	run "$@" 2>&1 | tee "$work/out" || fail "this did not work: $*"
	grep -qF -- "$text" "$work/out" || fail "the output lacks: $text"
}

# stop asks the server to end and waits for that, 30 seconds at most. It sets ended to the server's exit status.
stop() {
	kill -TERM "$server" 2>/dev/null || true
	for _ in $(seq 300); do
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$server" 2>/dev/null || true
	ended=0
	wait "$server" || ended=$?
	server=
}

finish() {
	local status=$?
	trap - EXIT
	[ -z "$server" ] || stop
	rm -rf "$work"
	[ "$status" -eq 0 ] || exit 1
}
trap finish EXIT
trap 'exit 1' INT TERM

heading "The generator is a Go program"
run go build -o bin/protoc-gen-micro ./cmd/protoc-gen-micro

heading "It turns weather.proto into Go: messages, a client, and the interface of a server"
run bin/protoc-gen-micro generate -I examples/weather/proto -o examples \
	--opt module=github.com/protomicro/micro/examples examples/weather/proto
wc -l examples/weather/weatherv1/*.pb.go

heading "A server and a client that use it"
run go -C examples build -o ../bin/ ./weather/cmd/server ./weather/cmd/client

heading "The server starts, on a free port"
echo "\$ bin/server -addr tcp://127.0.0.1:0 &"
: >"$work/log" # it is read before the server can have made it
bin/server -addr tcp://127.0.0.1:0 >>"$work/log" 2>&1 &
server=$!
addr=
for _ in $(seq 100); do
	addr=$(sed -n 's#^serving on tcp://##p' "$work/log")
	[ -z "$addr" ] || break
	kill -0 "$server" 2>/dev/null || break
	sleep 0.1
done
cat "$work/log"
[ -n "$addr" ] || fail "the server did not start"

heading "The client calls all four kinds of methods over PROTO-RPC"
expect "Chat:   you said: good morning" bin/client -addr "tcp://$addr"

heading "And again in six more formats, on the same port"
for format in jsonrpc bsonrpc msgpackrpc; do
	expect "Chat:   you said: good morning" bin/client -addr "tcp://$addr" -format "$format"
done
for format in grpc grpcweb connect; do
	expect "Chat:   you said: good morning" bin/client -addr "h2c://$addr" -format "$format"
done

if command -v curl >/dev/null; then
	export no_proxy=127.0.0.1
	get=(curl -sS -m 10 -w '\nHTTP %{http_code}\n' -H 'Content-Type: application/json' "http://$addr/weather.v1.Weather/Get")

	heading "curl calls the same server with JSON"
	expect '"Oslo"' "${get[@]}" -d '{"city": "Oslo"}'

	heading "and as REST, because the .proto says where"
	expect '"Oslo"' curl -sS -m 10 -w '\nHTTP %{http_code}\n' "http://$addr/v1/weather/Oslo"

	heading "An error has a code and a message"
	expect '"not_found"' "${get[@]}" -d '{"city": "Atlantis"}'
else
	heading "There is no curl on this machine, so the calls with JSON are left out"
fi

heading "SIGTERM ends the server in good order"
echo "\$ kill -TERM $server"
stop
[ "$ended" -eq 0 ] || {
	cat "$work/log"
	fail "the server ended with status $ended"
}
echo "The server has ended with status 0."

heading "Read on"
echo "the contract  examples/weather/proto/weather/v1/weather.proto"
echo "the handler   examples/weather/station.go"
echo "the server    examples/weather/cmd/server/main.go"
echo "the client    examples/weather/cmd/client/main.go"
