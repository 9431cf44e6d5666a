package httptransport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A trip is a transport.Trip.
type trip struct {
	body      *io.PipeWriter // nil if the whole body is given
	cancel    context.CancelFunc
	once      sync.Once     // closes
	conns     sync.Once     // closes connected
	connected chan struct{} // closed when there is a connection
	http2     bool          // the connection speaks it
	sent      atomic.Bool   // the head was sent, on HTTP/2
	repeated  atomic.Bool   // net/http wanted to send the request again
	done      chan struct{} // closed when res and err are set
	res       *http.Response
	err       error
}

func (t *trip) run(rt http.RoundTripper, req *http.Request) {
	defer close(t.done)
	t.res, t.err = rt.RoundTrip(req) //nolint:bodyclose // by Close
	if t.err != nil {
		t.err = t.sentError(resetError(tooLarge(t.err)))
		if t.body != nil {
			_ = t.body.CloseWithError(t.err)
		}
	}
}

// tooLarge returns err as ResourceExhausted if it says that the head of the response is too large, for which net/http
// has no error to test for.
func tooLarge(err error) error {
	text := err.Error()
	if strings.Contains(text, "server response headers exceeded") || strings.Contains(text, "header list larger than") {
		return status.Errorf(status.ResourceExhausted, "%v", err)
	}
	return err
}

// A streamError has the fields by which net/http's error for a stream that the peer has reset can be found: that one is
// not exported, and fits every struct that is like the one of golang.org/x/net/http2.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "the stream was reset" }

// resetError returns err as a transport.ResetError if the peer has reset the stream.
func resetError(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if e, ok := errors.AsType[streamError](err); ok {
		return &transport.ResetError{Code: e.Code}
	}
	return err
}

// errRepeated ends a request that net/http wanted to send again although the peer may have seen it.
var errRepeated = errors.New("the connection was lost after the request had been sent")

// sentError returns err without the mark of a failure to connect if there was a connection before.
func (t *trip) sentError(err error) error {
	select {
	case <-t.connected:
	default:
		return err
	}
	if t.repeated.Load() {
		return errRepeated
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return errors.New(err.Error())
	}
	return err
}

// gotConn is called when the connection is known, and again if net/http tries another. It ends a request that HTTP/2
// would send again: net/http does so after some errors from which the peer may have seen it, and does not tell them apart.
func (t *trip) gotConn(info httptrace.GotConnInfo) {
	t.conns.Do(func() { close(t.connected) })
	if t.sent.Load() {
		t.repeated.Store(true)
		t.cancel()
		return
	}
	nc := info.Conn
	if tc, ok := nc.(*tls.Conn); ok {
		t.http2 = tc.ConnectionState().NegotiatedProtocol == "h2"
		nc = tc.NetConn()
	}
	if c, ok := nc.(*conn); ok {
		c.body.Store(t.body)
	}
}

// wroteHeaders is called when the head was sent, and on HTTP/1.1 already when it is in a buffer.
func (t *trip) wroteHeaders() {
	if t.http2 {
		t.sent.Store(true)
	}
}

// connect waits until there is a connection, or none can be had.
func (t *trip) connect() error {
	select {
	case <-t.connected:
		return nil
	case <-t.done:
	}
	select {
	case <-t.connected: // before the failure, of which Response tells
		return nil
	default:
		return t.err
	}
}

func (t *trip) Write(p []byte) (int, error) {
	if t.body == nil {
		return 0, io.EOF
	}
	n, err := t.body.Write(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

func (t *trip) CloseWrite() error {
	if t.body == nil {
		return nil
	}
	return t.body.Close()
}

func (t *trip) Response() (int, transport.Header, error) {
	<-t.done
	if t.err != nil {
		return 0, nil, t.err
	}
	return t.res.StatusCode, transport.Header(t.res.Header), nil
}

func (t *trip) Read(p []byte) (int, error) {
	<-t.done
	if t.err != nil {
		return 0, t.err
	}
	n, err := t.res.Body.Read(p)
	return n, resetError(err)
}

func (t *trip) Trailer() transport.Header {
	<-t.done
	if t.err != nil {
		return nil
	}
	return transport.Header(t.res.Trailer)
}

func (t *trip) Close() error {
	t.once.Do(func() {
		if t.body != nil {
			_ = t.body.CloseWithError(context.Canceled)
		}
		select {
		case <-t.done:
		default:
			t.cancel()
			<-t.done
		}
		if t.err == nil {
			_ = t.res.Body.Close() // before cancel: it waits until an HTTP/2 connection has forgotten the request
		}
		t.cancel()
	})
	return nil
}
