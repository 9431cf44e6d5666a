module github.com/protomicro/micro/examples

go 1.26.7

require (
	github.com/protomicro/micro v0.0.0
	google.golang.org/protobuf v1.36.13-0.20261016172727-e9ee2a76ab8e
)

require (
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/tinylib/msgp v1.6.5 // indirect
	go.mongodb.org/mongo-driver/v2 v2.10.0 // indirect
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/rs/cors v1.11.1 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20261026165753-2ffab32bce7e
)

replace github.com/protomicro/micro => ../
