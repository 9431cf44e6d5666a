// Package runtime is what generated code stands on: typed methods and streams, the client and the server that run
// them, and the service that runs a server from its start to its orderly end.
//
// A server answers every format on every address it listens on:
//
//	server := &runtime.Server{}
//	weatherv1.RegisterWeatherServer(server, handler)
//	service := &runtime.Service{Name: "weather", Addrs: []string{"tcp://:8080"}, Server: server}
//	err := service.Run(ctx)
//
// A client calls one or many of them:
//
//	client := &runtime.Client{Addrs: []string{"tcp://localhost:8080"}}
//	defer client.Close()
//	report, err := weatherv1.NewWeatherClient(client).Get(ctx, req)
//
// What belongs to one call rides in its context: the deadline, and metadata through [WithMeta], [RequestMeta],
// [SetHeader], [SetTrailer] and [WithResponseMeta]. Errors are *status.Error.
package runtime

import (
	"context"

	"github.com/protomicro/micro/codec"
)

// Version1 is named by generated code: if it does not compile because the constant is missing, the code was generated
// for another version of this package.
const Version1 = true

// A Method is what the contract says of a method. It must not be changed.
type Method struct {
	Name        string      // the full name, "weather.v1.Weather/Get"
	Idempotency Idempotency // what a second run of the same request does
}

// Idempotency says what happens when a request runs twice.
type Idempotency uint8

// The levels of google.protobuf.MethodOptions.idempotency_level.
const (
	Unknown       Idempotency = iota // perhaps it does harm: never retried once a handler may have seen it
	NoSideEffects                    // it only reads
	Idempotent                       // the second run changes nothing
)

// A Conn makes calls. [Client] is one, and client middleware is a func(Conn) Conn. It is safe for concurrent use.
type Conn interface {
	// Invoke makes a unary call: it sends req and waits for the response, which it decodes into res.
	Invoke(ctx context.Context, m *Method, req, res any) error
	// Open starts a call of another kind. The call ends when the stream is closed or has returned an error from Recv,
	// or when ctx ends.
	Open(ctx context.Context, m *Method, kind codec.Kind) (RawStream, error)
}

// A RawStream is a stream before it has types, as middleware sees it; see [codec.Stream].
type RawStream = codec.Stream

// A Handler serves one method. Server middleware is a func(Handler) Handler.
type Handler struct {
	*Method
	Kind codec.Kind
	// Serve runs one call. It returns the last message to send, or nil if there is none, and the outcome. ctx ends
	// when the caller gives up or is gone. The stream must not be used once Serve has returned.
	Serve func(ctx context.Context, s RawStream) (last any, err error)
}
