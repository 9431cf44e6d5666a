module github.com/protomicro/micro/examples

go 1.26.7

require (
	github.com/protomicro/micro v0.0.0
	google.golang.org/protobuf v1.36.13-0.20261016172727-e9ee2a76ab8e
)

replace github.com/protomicro/micro => ../
