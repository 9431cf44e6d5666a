package httptransport

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"

	"github.com/protomicro/micro/transport"
)

// A Client makes HTTP requests to one peer. With TLS it speaks HTTP/2 if the peer agrees, and HTTP/1.1 otherwise. It is
// safe for concurrent use; its fields must not be changed once it is used. It is a [transport.RoundTripper].
type Client struct {
	Dial   func(ctx context.Context) (net.Conn, error) // connects to the peer, without TLS
	Host   string                                      // the peer's name, with a port if that is not the usual one
	TLS    *tls.Config                                 // nil for no TLS; the ServerName is taken from Host if it is empty
	HTTP2  bool                                        // without TLS, speak HTTP/2 to a peer that is known to understand it
	Limits Limits

	// RoundTripper makes the requests, if it is not nil; the other fields but Host have no effect, except that the URLs
	// start with "https" if TLS is not nil.
	RoundTripper http.RoundTripper

	start  sync.Once
	made   *http.Transport // nil if the RoundTripper is not ours
	mu     sync.Mutex      // guards below
	opened map[io.Closer]struct{}
	closed bool
}

// Open starts a request, as [transport.RoundTripper] says. The body must not be changed before the trip is closed.
func (c *Client) Open(ctx context.Context, req *transport.Request, body []byte) (transport.Trip, error) {
	c.start.Do(c.init)
	target, err := c.target(req)
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: req.Method, URL: target, Host: cmp.Or(req.Host, c.Host), Header: http.Header(req.Header),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	t := &trip{http2: c.HTTP2 && c.TLS == nil, connected: make(chan struct{}), done: make(chan struct{})}
	if body == nil {
		r.Body, t.body = io.Pipe()
		r.ContentLength = -1
	} else {
		// net/http asks for it also to repeat a request of which nothing was sent.
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.ContentLength = int64(len(body))
		if r.Body = http.NoBody; len(body) > 0 {
			r.Body, _ = r.GetBody()
		}
	}
	sendOnce(r)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: t.gotConn, WroteHeaders: t.wroteHeaders})
	ctx, t.cancel = context.WithCancel(ctx)
	go t.run(c.RoundTripper, r.WithContext(ctx))
	if c.made == nil {
		return t, nil // it may say nothing of its connections until the response has come
	}
	if err := t.connect(); err != nil {
		_ = t.Close()
		return nil, err
	}
	return t, nil
}

// sendOnce hides from net/http the fields that make it send a POST again of which the peer may have seen the first. On
// the wire the case of a field's name has no meaning.
func sendOnce(r *http.Request) {
	for _, key := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := r.Header[key]; ok {
			r.Header = r.Header.Clone()
			delete(r.Header, key)
			r.Header[strings.ToLower(key)] = values
		}
	}
}

func (c *Client) target(req *transport.Request) (*url.URL, error) {
	target := &url.URL{Scheme: "http", Host: c.Host, Path: req.Path, RawQuery: req.Query}
	if c.TLS != nil {
		target.Scheme = "https"
	}
	if strings.Contains(req.Path, "%") {
		path, err := url.PathUnescape(req.Path)
		if err != nil {
			return nil, err
		}
		target.Path, target.RawPath = path, req.Path
	}
	return target, nil
}

func (c *Client) init() {
	if c.RoundTripper != nil {
		return
	}
	c.opened = map[io.Closer]struct{}{}
	c.made = &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
		DialTLSContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
		DisableCompression:     true,
		MaxIdleConnsPerHost:    cmp.Or(c.Limits.Calls, 100),
		IdleConnTimeout:        c.Limits.IdleTimeout - c.Limits.IdleTimeout/4, // before the peer does the same
		MaxResponseHeaderBytes: int64(c.Limits.HeaderBytes),
		Protocols:              new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: c.Limits.PingInterval,
			PingTimeout:     c.Limits.PingTimeout,
		},
	}
	c.made.Protocols.SetHTTP1(c.TLS != nil || !c.HTTP2)
	c.made.Protocols.SetHTTP2(c.TLS != nil)
	c.made.Protocols.SetUnencryptedHTTP2(c.TLS == nil && c.HTTP2)
	c.RoundTripper = c.made
}

// Close closes the connections and ends what still dials, as [transport.RoundTripper] says.
func (c *Client) Close() error {
	c.start.Do(c.init)
	if c.made == nil {
		return nil
	}
	c.made.CloseIdleConnections()
	c.mu.Lock()
	opened := c.opened
	c.opened, c.closed = nil, true
	c.mu.Unlock()
	for closer := range opened {
		_ = closer.Close()
	}
	return nil
}

var errClosed = errors.New("the client is closed")

// track makes Close close closer, until forget. It returns false after Close.
func (c *Client) track(closer io.Closer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.opened[closer] = struct{}{}
	}
	return !c.closed
}

func (c *Client) forget(closer io.Closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.opened, closer)
}

// A dialing is an attempt to connect; closing it ends it.
type dialing struct{ cancel context.CancelFunc }

func (d *dialing) Close() error {
	d.cancel()
	return nil
}

// dial connects and does the TLS handshake, and returns a *net.OpError that says "dial" if either fails.
func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.Limits.HandshakeTimeout, math.MaxInt64))
	defer cancel()
	d := &dialing{cancel}
	if !c.track(d) {
		return nil, dialError(errClosed)
	}
	defer c.forget(d)
	raw, err := c.Dial(ctx)
	if err != nil {
		return nil, dialError(err)
	}
	nc := &conn{Conn: raw, timeout: c.Limits.WriteTimeout, closed: func(nc *conn) { c.forget(nc) }}
	if !c.track(nc) {
		_ = nc.Close()
		return nil, dialError(errClosed)
	}
	if c.TLS == nil {
		return nc, nil
	}
	tc, err := transport.ClientTLS(ctx, nc, c.Host, c.tlsConfig())
	if err != nil {
		return nil, dialError(err)
	}
	return tc, nil
}

func (c *Client) tlsConfig() *tls.Config {
	config := c.TLS.Clone()
	if config.ServerName == "" {
		config.ServerName = (&url.URL{Host: c.Host}).Hostname()
	}
	if len(config.NextProtos) == 0 {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	return config
}

func dialError(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return err
	}
	return &net.OpError{Op: "dial", Net: "http", Err: err}
}
