package httptransport

import (
	"io"
	"net/http"
	"time"
)

const (
	linger      = 500 * time.Millisecond // how long the end of an unwanted body is waited for
	lingerBytes = 4 << 20                // how much of it is read
)

// skip reads what is left of the request's body, if that is not much, so that the connection can be used again.
func (x *exchange) skip() {
	rc := http.NewResponseController(x.w)
	if x.responded {
		_ = rc.Flush()
	}
	_ = rc.SetReadDeadline(time.Now().Add(linger))
	_, _ = io.CopyN(io.Discard, x, lingerBytes)
}

// abandon ends an HTTP/1.1 connection that cannot be used again, because the rest of the request's body would be taken for
// the next request. The response has no proper end then, so that its reader knows.
func (x *exchange) abandon() {
	if !x.responded {
		x.w.Header().Set("Connection", "close")
		return
	}
	if x.w.Header().Get("Connection") == "close" {
		return
	}
	rc := http.NewResponseController(x.w)
	_ = rc.Flush()
	nc, _, err := rc.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // how a handler tells net/http to close the connection
	}
	defer func() { _ = nc.Close() }()
	// A connection that is closed with bytes unread takes the response with it.
	_ = nc.SetDeadline(time.Now().Add(linger))
	if half, ok := nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, nc)
	}
}
