package httptransport_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/httptransport"
)

// raw has serve speak on each connection to a port, which it returns how to dial.
func raw(t *testing.T, serve func(nc net.Conn)) (dial func(context.Context) (net.Conn, error)) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = nc.Close() }()
				serve(nc)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
	}
}

// fickle answers the first request on each connection, and closes the connection when it has read the second.
func fickle(nc net.Conn, requests *atomic.Int32) {
	r := bufio.NewReader(nc)
	for first := true; ; first = false {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		requests.Add(1)
		if !first {
			return
		}
		_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}
}

func TestClient_SendsARequestOnce(t *testing.T) {
	for _, key := range []string{"X-Other", "Idempotency-Key", "X-Idempotency-Key"} {
		for _, body := range []string{"", "body"} {
			var requests atomic.Int32
			dial := raw(t, func(nc net.Conn) { fickle(nc, &requests) })
			c := &httptransport.Client{Dial: dial, Host: "localhost"}
			t.Cleanup(func() { _ = c.Close() })
			for i := range 2 {
				header := transport.Header{key: {"1"}}
				_, _, _, err := post(t, c, header, []byte(body))
				if (err != nil) != (i == 1) {
					t.Errorf("%s, body %q, request %d: got %v", key, body, i, err)
				}
				if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
					t.Errorf("%s, body %q: got %v, a failure to connect", key, body, err)
				}
				if header[key] == nil {
					t.Errorf("%s: the caller's header was changed", key)
				}
			}
			if got := requests.Load(); got != 2 {
				t.Errorf("%s, body %q: the server saw %d requests, want 2", key, body, got)
			}
		}
	}
}

// resetting is a server of HTTP/2 that resets every stream as soon as its head has come.
func resetting(nc net.Conn, code byte, heads *atomic.Int32) {
	if _, err := io.ReadFull(nc, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	_, _ = nc.Write([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0}) // SETTINGS
	head := make([]byte, 9)
	for {
		if _, err := io.ReadFull(nc, head); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, nc, int64(binary.BigEndian.Uint32(head)>>8)); err != nil {
			return
		}
		if head[3] != 1 {
			continue
		}
		heads.Add(1)
		_, _ = nc.Write(append([]byte{0, 0, 4, 3, 0}, head[5], head[6], head[7], head[8], 0, 0, 0, code)) // RST_STREAM
	}
}

func TestClient_SendsARequestOnceOnHTTP2(t *testing.T) {
	const protocolError = 1
	for _, body := range []string{"", "body"} {
		var heads atomic.Int32
		c := &httptransport.Client{
			Host: "localhost", HTTP2: true, Dial: raw(t, func(nc net.Conn) { resetting(nc, protocolError, &heads) }),
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, _, _, err := post(t, c, nil, []byte(body)); err == nil {
			t.Errorf("body %q: got no error", body)
		}
		if got := heads.Load(); got != 1 {
			t.Errorf("body %q: the server saw %d requests, want 1", body, got)
		}
	}
}
