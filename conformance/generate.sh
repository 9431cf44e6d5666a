#!/bin/sh
# Writes messages and stubs of the two suites' services below gen, which is not committed: the definitions are the suites'
# own, from the module cache.
set -eu
cd "$(dirname "$0")"
. ./versions
module=github.com/protomicro/micro/conformance
protos=$(go mod download -json "connectrpc.com/conformance@$CONNECT_CONFORMANCE" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')/proto

rm -rf gen
set -- # a Go package for each file: the files name none
for file in "$protos"/connectrpc/conformance/v1/*.proto; do
	set -- "$@" --opt "Mconnectrpc/conformance/v1/$(basename "$file")=$module/gen/conformancev1"
done
go tool protoc-gen-micro generate -I "$protos" --opt module=$module "$@" "$protos/connectrpc"
go run ./internal/cmd/grpctesting .
