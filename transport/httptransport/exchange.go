package httptransport

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/protomicro/micro/transport"
)

// Serve calls serve with the exchange that r and w are, and with r's context. It is to be called by an http.Handler,
// which does nothing else with w and r. On HTTP/1.1, too, a response may overtake a request whose length is not known.
func Serve(w http.ResponseWriter, r *http.Request, serve func(ctx context.Context, x transport.Exchange)) {
	x := &exchange{
		w: w, r: r,
		req: transport.Request{
			Method: r.Method,
			Path:   r.URL.EscapedPath(),
			Query:  r.URL.RawQuery,
			Host:   r.Host,
			Header: transport.Header(r.Header),
			Length: r.ContentLength,
			Major:  r.ProtoMajor,
			Peer:   r.RemoteAddr,
		},
	}
	x.complete.Store(r.ContentLength == 0)
	if r.ProtoMajor == 1 && r.ContentLength < 0 {
		x.duplex = http.NewResponseController(w).EnableFullDuplex() == nil
	}
	serve(r.Context(), x)
	x.end()
}

// An exchange is a transport.Exchange, whose reads and writes can be interrupted besides.
type exchange struct {
	w           http.ResponseWriter
	r           *http.Request
	req         transport.Request
	responded   bool
	trailing    bool
	duplex      bool        // on HTTP/1.1, net/http leaves the request's body alone when the response starts
	complete    atomic.Bool // the request's body was read to its end
	interrupted atomic.Bool // a read deadline was set
	hurried     atomic.Bool // a write deadline was set
}

func (x *exchange) Request() *transport.Request { return &x.req }

func (x *exchange) Read(p []byte) (int, error) {
	n, err := x.r.Body.Read(p)
	if err == io.EOF {
		x.complete.Store(true)
	}
	return n, err
}

func (x *exchange) Respond(status int, header transport.Header) error {
	dst := x.w.Header()
	vary := dst["Vary"] // a handler around this one may have said on what the response depends
	maps.Copy(dst, header)
	if own := header["Vary"]; len(own) > 0 {
		dst["Vary"] = slices.Concat(vary, own)
	}
	if _, ok := dst["Content-Type"]; !ok {
		dst["Content-Type"] = nil // net/http shall not guess
	}
	if x.req.Major == 1 && x.interrupted.Load() {
		dst["Connection"] = []string{"close"}
	}
	x.hasten()
	x.responded = true
	x.w.WriteHeader(status)
	return nil
}

func (x *exchange) Write(p []byte) (int, error) { return x.w.Write(p) }

func (x *exchange) Flush() error { return http.NewResponseController(x.w).Flush() }

func (x *exchange) SetTrailer(header transport.Header) {
	x.trailing = true
	dst := x.w.Header()
	for key, values := range header {
		dst[http.TrailerPrefix+key] = values
	}
}

// SetReadDeadline makes reads of the request's body fail from t on. It may be called while one waits.
func (x *exchange) SetReadDeadline(t time.Time) error {
	if x.complete.Load() {
		return nil // no read waits any more
	}
	x.interrupted.Store(true)
	return http.NewResponseController(x.w).SetReadDeadline(t)
}

// hasten bounds how long net/http waits for the rest of a body of known length on HTTP/1.1, which it reads itself when the
// response starts.
func (x *exchange) hasten() {
	if x.req.Major == 1 && !x.duplex && !x.complete.Load() && !x.interrupted.Load() {
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(linger))
	}
}

// SetWriteDeadline makes writes of the response fail from t on. It may be called while one waits.
func (x *exchange) SetWriteDeadline(t time.Time) error {
	x.hurried.Store(true)
	return http.NewResponseController(x.w).SetWriteDeadline(t)
}

// end makes the connection fit for the next request, or ends it.
func (x *exchange) end() {
	if x.hurried.Load() {
		_ = http.NewResponseController(x.w).SetWriteDeadline(time.Time{}) // it would be that of the next response, too
	}
	if x.trailing && x.responded {
		_ = x.Flush() // HTTP/1.1 has trailers only if the length is not known when the head goes out
	}
	if x.duplex && !x.complete.Load() && !x.interrupted.Load() {
		x.skip()
	}
	if !x.responded {
		x.hasten()
	}
	if x.req.Major == 1 && (x.interrupted.Load() || x.duplex && !x.complete.Load()) {
		x.abandon()
	}
}
