package codec

import (
	"errors"
	"time"

	"github.com/protomicro/micro/status"
)

// A Kind says which sides of a call send more than one message.
type Kind uint8

// The kinds of methods.
const (
	Unary        Kind = iota // one request, one response
	ClientStream             // many requests, one response
	ServerStream             // one request, many responses
	BidiStream               // many of both, in any order
	AnyKind                  // on a server: the format does not say, and the method decides
)

// String returns "unary", "client stream", "server stream", "bidi stream" or "call of any kind".
func (k Kind) String() string {
	return [...]string{"unary", "client stream", "server stream", "bidi stream", "call of any kind"}[min(k, AnyKind)]
}

// A Call is the head of a call: all that is known of it before its first message.
type Call struct {
	Method  string        // the full name, "weather.v1.Weather/Get"
	Kind    Kind          // as the caller sees the method, if the format tells
	Codec   Codec         // how the messages are encoded, both ways
	Timeout time.Duration // from the moment the call is sent; 0 for none
	Header  Meta          // the request's metadata
	Format  string        // on a server, the format the call came in
	Peer    string        // on a server, the caller's network address

	// Attempts is how often the call was tried before, as far as a server is told.
	Attempts int

	// NoSideEffects says on a client that the method promises to have none, so that a format may make the call in a way
	// that is repeated freely. On a server it says that the call came in such a way, which other methods must refuse.
	NoSideEffects bool
}

// ErrNotSent is in the chain of an error that ended a call which no handler has seen: it is safe to make the call
// again, with another instance, whatever the method does.
var ErrNotSent = errors.New("the call was not sent")

// ErrNotServed is in the chain of the outcome of a call to a method that nobody serves, for formats that tell this apart
// from a handler's own Unimplemented.
var ErrNotServed = errors.New("nobody serves the method")

// Codecs are encodings to choose from by name.
type Codecs []Codec

// Find returns the codec called name, or nil.
func (cs Codecs) Find(name string) Codec {
	for _, c := range cs {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// NotSent returns err as an error that wraps ErrNotSent too.
func NotSent(err *status.Error) error { return &marked{err, ErrNotSent} }

// NotServed returns err as an error that wraps ErrNotServed too.
func NotServed(err *status.Error) error { return &marked{err, ErrNotServed} }

type marked struct {
	err  *status.Error
	mark error
}

func (e *marked) Error() string   { return e.err.Error() }
func (e *marked) Unwrap() []error { return []error{e.err, e.mark} }
