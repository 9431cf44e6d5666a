#!/usr/bin/env bash
# Crosses our interop server and client with those of grpc-go, and with one another, over plaintext and TLS. The test cases are
# gRPC's, https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md.
set -euo pipefail
cd "$(dirname "$0")"
. ./versions

common=(
	empty_unary large_unary client_streaming server_streaming ping_pong empty_stream timeout_on_sleeping_server
	cancel_after_begin cancel_after_first_response status_code_and_message special_status_message custom_metadata
	unimplemented_method unimplemented_service
)
soak=(rpc_soak channel_soak) # only grpc-go's client knows them
compressed=({client,server}_compressed_{unary,streaming}) # only our programs know them
want=$((2 * (${#common[@]} + ${#soak[@]} + ${#common[@]} + ${#common[@]} + ${#compressed[@]})))

export GOWORK=off
bin=$PWD/bin
theirs=$bin/interop-$GRPC
data=$(go mod download -json "google.golang.org/grpc@$GRPC" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')/testdata
log=$(mktemp -d)
pids=()
cleanup() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	wait
	rm -rf "$log"
}
trap cleanup EXIT

./generate.sh
go build -o "$bin/" ./cmd/grpc-server ./cmd/grpc-client
if [ ! -e "$theirs" ]; then # of their own module, with the versions that this pins
	GOBIN=$theirs.part go install google.golang.org/grpc/interop/{server,client}"@$GRPC"
	mv "$theirs.part" "$theirs"
fi

# serve starts a server on a free port, which it leaves in $port: serve PROGRAM [FLAG...]
serve() {
	local pid tries
	for tries in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 10000))
		"$@" --port $port >"$log/$port" 2>&1 &
		pid=$!
		while kill -0 $pid 2>/dev/null; do
			if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
				pids+=($pid)
				return
			fi
			sleep 0.1
		done
		cat "$log/$port"
	done
	echo "no server after $tries attempts: $*" >&2
	exit 1
}

# call runs test cases: call NAME CLIENT [FLAG...] -- CASE...
passed=0
call() {
	local name=$1 client=() case
	shift
	while [ "$1" != -- ]; do
		client+=("$1")
		shift
	done
	shift
	for case; do
		if ! timeout 60 "${client[@]}" --server_host 127.0.0.1 --server_port "$port" --test_case "$case" >"$log/client" 2>&1; then
			tail -n 20 "$log/client" "$log/$port"
			echo "gRPC interop $GRPC, $name: $case failed" >&2
			exit 1
		fi
		passed=$((passed + 1))
	done
	echo "gRPC interop $GRPC, $name: $# cases passed"
}

cross() { # cross HOW SERVER-FLAGS CLIENT-FLAGS
	local how=$1 server=() client=()
	read -ra server <<<"$2"
	read -ra client <<<"$3"
	serve "$bin/grpc-server" "${server[@]}"
	call "grpc-go calls us, $how" "$theirs/client" "${client[@]}" -- "${common[@]}" "${soak[@]}"
	call "we call ourselves, $how" "$bin/grpc-client" "${client[@]}" -- "${common[@]}" "${compressed[@]}"
	serve "$theirs/server" "${server[@]}"
	call "we call grpc-go, $how" "$bin/grpc-client" "${client[@]}" -- "${common[@]}"
}

cross "plaintext" "" ""
cross "TLS" "--use_tls --tls_cert_file $data/server1.pem --tls_key_file $data/server1.key" \
	"--use_tls --use_test_ca --ca_file $data/ca.pem --server_host_override foo.test.google.fr"
if [ $passed -ne $want ]; then
	echo "gRPC interop $GRPC: $passed cases passed, want $want" >&2
	exit 1
fi
echo "gRPC interop $GRPC: all $passed cases passed"
