// Package grpcformat speaks gRPC, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, and gRPC-Web,
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md.
//
// Both send messages with a prefix of five bytes. gRPC has the outcome of a call in the trailers of the HTTP response, and
// so needs HTTP/2; gRPC-Web has it at the end of the body, and in its form for text it has the whole body in base64.
package grpcformat

import (
	"context"
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/transport"
)

// Format is the [codec.HTTPFormat] called "grpc".
//
// The kind of a call is not on the wire. A server reports none, and the handler decides by the method how many messages it
// takes and sends.
//
// The ends of a text value of metadata lose their spaces, as HTTP demands.
type Format struct{}

// Name returns "grpc".
func (Format) Name() string { return "grpc" }

// Match tells whether req has the content type "application/grpc", with or without "+" and a codec, whatever its method
// and its version of HTTP are.
func (Format) Match(req *transport.Request) bool {
	v, _, ok := parseType(httprpc.MediaType(req.Header))
	return ok && v == plain
}

// Dial returns a Conn whose calls are requests through rt, which has to speak HTTP/2. What a call sends reaches the peer
// at once, except for the requests of unary calls and of server streams, which Finish sends.
func (Format) Dial(rt transport.RoundTripper, cfg codec.Config) codec.Conn {
	return dial(rt, cfg, plain)
}

// Serve serves the call that x carries. A request that is no call is answered with the HTTP status 405, 415 or, if it
// came over HTTP/1.1, 505, besides an error as gRPC has it.
func (f Format) Serve(ctx context.Context, x transport.Exchange, h codec.Handler, cfg codec.Config) {
	serve(ctx, x, h, cfg, f.Name())
}

// Web is the [codec.HTTPFormat] called "grpcweb". Over HTTP/1.1 a response may overtake its request only where the
// transport allows it, which browsers do not.
//
// What is said of [Format] is true of Web, too, but for HTTP/2.
type Web struct {
	Text bool // a client sends base64, and asks for it; a server answers both in any case
}

// Name returns "grpcweb".
func (Web) Name() string { return "grpcweb" }

// Match tells whether req has the content type "application/grpc-web" or "application/grpc-web-text", with or without "+"
// and a codec, whatever its method is.
func (Web) Match(req *transport.Request) bool {
	v, _, ok := parseType(httprpc.MediaType(req.Header))
	return ok && v != plain
}

// Dial returns a Conn whose calls are requests through rt, which may speak HTTP/1.1 or HTTP/2.
func (f Web) Dial(rt transport.RoundTripper, cfg codec.Config) codec.Conn {
	if f.Text {
		return dial(rt, cfg, webText)
	}
	return dial(rt, cfg, web)
}

// Serve serves the call that x carries. A request that is no call is answered with the HTTP status 405 or 415, besides
// an error as gRPC has it.
func (f Web) Serve(ctx context.Context, x transport.Exchange, h codec.Handler, cfg codec.Config) {
	serve(ctx, x, h, cfg, f.Name())
}

// A variant is one of the three forms of a body. It is its content type, without a codec.
type variant string

const (
	plain   variant = "application/grpc"
	web     variant = "application/grpc-web"
	webText variant = "application/grpc-web-text"
)

const protoCodec = "proto" // the codec of a content type that names none

// parseType returns what a media type says.
func parseType(mediaType string) (v variant, codecName string, ok bool) {
	base, codecName, named := strings.Cut(mediaType, "+")
	if !named {
		codecName = protoCodec
	}
	v = variant(base)
	return v, codecName, v == plain || v == web || v == webText
}

// contentType returns the content type for a codec.
func (v variant) contentType(codecName string) string {
	if v == plain && codecName == protoCodec {
		return string(v) // which every implementation of gRPC knows
	}
	return string(v) + "+" + codecName
}
