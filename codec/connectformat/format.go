// Package connectformat speaks the Connect protocol, https://connectrpc.com/docs/protocol: unary calls whose bodies are
// bare messages, so that curl can make them, by POST or, where a method has no side effects, by GET; and streams of
// messages with a prefix of five bytes.
package connectformat

import (
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/transport"
)

// Format is the [codec.HTTPFormat] called "connect". The zero value is ready.
//
// The kind of a streaming call is not on the wire. A server reports each of them as a codec.BidiStream, and the handler
// decides by the method how many messages it takes and sends.
//
// The ends of a text value of metadata lose their spaces, as HTTP demands.
type Format struct {
	Get bool // clients call methods without side effects by GET, which caches can answer, if the URL is short enough
}

// Name returns "connect".
func (Format) Name() string { return "connect" }

// Match tells whether req has a content type of this format, "application/" or "application/connect+" before the name of a
// codec, whatever its method is; or is a call by GET.
func (Format) Match(req *transport.Request) bool {
	t := httprpc.MediaType(req.Header)
	return isGet(req) || strings.HasPrefix(t, unaryPrefix) && !strings.HasPrefix(t, unaryPrefix+"grpc")
}

// isGet tells whether the query of req is that of a call.
func isGet(req *transport.Request) bool {
	return req.Method == "GET" && hasKey(req.Query, "encoding") && hasKey(req.Query, "message")
}

func hasKey(query, key string) bool {
	for part := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(part, "="); name == key {
			return true
		}
	}
	return false
}

// Dial returns a Conn whose calls are requests through rt. What a call sends reaches the peer at once, except for the
// requests of unary calls and of server streams, which Finish sends.
func (f Format) Dial(rt transport.RoundTripper, cfg codec.Config) codec.Conn {
	return httprpc.NewConn(rt, cfg, func(s *httprpc.ClientCall) (codec.Stream, error) {
		if s.Call.Kind != codec.Unary {
			return httprpc.OpenStream(s, dialect{}, flagEnd)
		}
		out, err := s.Encoder()
		return &unaryClient{ClientCall: s, out: out, get: f.Get && s.Call.NoSideEffects}, err
	})
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
