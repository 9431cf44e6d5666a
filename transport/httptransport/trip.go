package httptransport

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"

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
	done      chan struct{} // closed when res and err are set
	res       *http.Response
	err       error
}

func (t *trip) run(rt http.RoundTripper, req *http.Request) {
	defer close(t.done)
	t.res, t.err = rt.RoundTrip(req) //nolint:bodyclose // by Close
	if t.err != nil {
		t.err = tooLarge(t.err)
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

// gotConn is called when the connection is known, and again if net/http tries another.
func (t *trip) gotConn(info httptrace.GotConnInfo) {
	t.conns.Do(func() { close(t.connected) })
	nc := info.Conn
	if tc, ok := nc.(*tls.Conn); ok {
		nc = tc.NetConn()
	}
	if c, ok := nc.(*conn); ok {
		c.body.Store(t.body)
	}
}

// connect waits until there is a connection, or none can be had.
func (t *trip) connect() error {
	select {
	case <-t.connected:
		return nil
	case <-t.done:
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
	return n, err
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
