#!/bin/sh
# Writes the generated code below benchv1 anew. It needs protoc for the peers' plugins; the plugins themselves are tools
# of this module, so go.mod pins their versions.
set -eu
cd "$(dirname "$0")"
module=github.com/protomicro/micro/bench
proto=proto/bench/v1/bench.proto

rm -rf benchv1
go tool protoc-gen-micro generate -I proto --opt module=$module --opt package_suffix=micro $proto
protoc -I proto \
	--plugin="$(go tool -n protoc-gen-go-grpc)" --go-grpc_out=. --go-grpc_opt=module=$module \
	--plugin="$(go tool -n protoc-gen-connect-go)" --connect-go_out=. --connect-go_opt=module=$module \
	$proto
