// Package connectformat speaks the Connect protocol, https://connectrpc.com/docs/protocol, over POST: unary calls whose
// bodies are bare messages, so that curl can make them, and streams of messages with a prefix of five bytes.
//
// It does not compress. A request that is compressed is answered with Unimplemented. Unary calls by GET are answered with
// the HTTP status 405.
package connectformat

import (
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/transport"
)

// Format is the [codec.HTTPFormat] called "connect".
//
// The kind of a streaming call is not on the wire. A server reports each of them as a codec.BidiStream, and the handler
// decides by the method how many messages it takes and sends.
//
// The ends of a text value of metadata lose their spaces, as HTTP demands.
type Format struct{}

// Name returns "connect".
func (Format) Name() string { return "connect" }

// Match tells whether req has a content type of this format, "application/proto", "application/json" or
// "application/connect+" with any codec, whatever its method is; or is a call by GET.
func (Format) Match(req *transport.Request) bool {
	switch t := mediaType(req.Header); t {
	case unaryPrefix + "proto", unaryPrefix + "json":
		return true
	case "":
		return req.Method == "GET" && strings.Contains(req.Query, "encoding=") && strings.Contains(req.Query, "message=")
	default:
		return strings.HasPrefix(t, streamPrefix)
	}
}

// Dial returns a Conn whose calls are requests through rt. What a call sends reaches the peer at once, except for the
// requests of unary calls and of server streams, which Finish sends.
func (Format) Dial(rt transport.RoundTripper, cfg codec.Config) codec.Conn {
	return &conn{
		rt:     rt,
		limits: cfg.Limits.WithDefaults(),
		done:   make(chan struct{}),
		calls:  map[*clientCall]struct{}{},
	}
}

const (
	unaryPrefix  = "application/"         // content type of unary calls, before the name of the codec
	streamPrefix = "application/connect+" // content type of streams, before the name of the codec
)

// The HTTP status numbers that have a meaning of their own here.
const (
	httpOK               = 200
	httpNotFound         = 404
	httpMethodNotAllowed = 405
	httpUnsupportedMedia = 415
)
