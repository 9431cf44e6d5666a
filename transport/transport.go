// Package transport moves bytes between two processes. It knows nothing of methods or messages.
//
// A [Transport] yields pipes of bytes, as net.Conn. An [Exchange] is one HTTP request with its response, and a
// [RoundTripper] makes such requests; formats that speak HTTP are written against these two and so do not depend on
// an implementation of HTTP.
package transport

import (
	"context"
	"fmt"
	"net"
	"net/textproto"
	"time"
)

// A Transport makes and accepts connections to the addresses of one scheme. It is safe for concurrent use.
type Transport interface {
	Scheme() string                                                // "tcp", "unix", "mem"
	Dial(ctx context.Context, addr string) (net.Conn, error)       // addr is what follows "scheme://"
	Listen(ctx context.Context, addr string) (net.Listener, error) // ctx bounds the listening itself, not the listener
}

// A Match says whether the first bytes of a connection are those of a protocol.
type Match uint8

// The answers to a look at the first bytes.
const (
	No   Match = iota // they cannot be
	More              // they can be, once more of them are there
	Yes               // they are
)

// Header is an HTTP header with canonical keys, as net/textproto writes them.
type Header = textproto.MIMEHeader

// A Request is the head of an HTTP request.
type Request struct {
	Method string
	Path   string // escaped, as on the wire, without the query: "/weather.v1.Weather/Get"
	Query  string // what follows "?", escaped
	Host   string
	Header Header
	Length int64  // of the body in bytes, -1 if unknown
	Major  int    // HTTP version: 1 or 2; a server's response may overtake the request only from 2 on
	Peer   string // the client's network address, on a server
}

// An Exchange is one HTTP request and its response, as the server sees it. One goroutine may read while another writes.
type Exchange interface {
	Request() *Request
	Read(p []byte) (int, error)              // the request's body
	Respond(status int, header Header) error // sends the head of the response; once, before the first Write
	Write(p []byte) (int, error)             // the response's body; does not keep p
	Flush() error                            // sends what was written
	SetTrailer(header Header)                // goes out when the exchange ends
	SetReadDeadline(t time.Time) error       // makes reads fail from t on, also one that waits
	SetWriteDeadline(t time.Time) error      // makes writes fail from t on, also one that waits
}

// A RoundTripper makes HTTP requests to one peer. It is safe for concurrent use.
type RoundTripper interface {
	// Open connects, unless there is a connection, and starts a request with the given body, or, if body is nil, with
	// one that is to be written. The body must not be changed before the trip is closed. The request is aborted when ctx
	// ends. A failure to connect, for which the peer has certainly not seen the request, has in its chain a *net.OpError
	// whose Op is "dial".
	Open(ctx context.Context, req *Request, body []byte) (Trip, error)
	// Close closes idle connections and waits for nothing: every Trip must have been closed.
	Close() error
}

// A Trip is one HTTP request and its response, as the client sees it. One goroutine may read while another writes.
type Trip interface {
	Write(p []byte) (int, error)    // the request's body; sends at once, does not keep p; io.EOF once the peer reads no more
	CloseWrite() error              // ends the request's body
	Response() (int, Header, error) // waits for the head of the response: status and header
	Read(p []byte) (int, error)     // the response's body; waits for its head
	Trailer() Header                // after Read has returned io.EOF
	Close() error                   // aborts what has not ended, and releases the rest
}

// A ResetError says that the peer has ended one request, with an error code of HTTP/2.
type ResetError struct{ Code uint32 } // RFC 9113, section 7

// Error implements error.
func (e *ResetError) Error() string {
	return fmt.Sprintf("the peer has reset the request with the HTTP/2 error code %d", e.Code)
}
